"""Junk documents by language: what a crawl holds beside prose, made the same way for every language.

Two things are real: the structure, from the boilerplate of real pages (`_pages`: navigation, lists, footers, sidebars,
cookie notices, everything outside prose), and the words, from the language's clean text. A line of a page keeps its
separators, numbers, dates, prices, addresses and brand names; each run of words in it is replaced by as many words of
the language, the same run by the same words all over a document, in the page's case, with the language's own digits.
Up to three words are mostly content words by frequency (all but the `_FUNCTION_WORDS` most frequent), longer runs are
cut from its running text. Words join as they do in the clean text: with a space, nothing, or a tsheg.

Each half uses clean documents and pages of its own; pages of one site are in one half. Lengths follow the
boilerplate of real pages. A word stands for a word: no correction for languages that say more in one.

Kinds, in equal share:

menus      the boilerplate of a page, block by block; an item a line, or rows of items between `|`, `»`, `·`
tags       content words and phrases, alphabetic or not, with counts or hashes or commas, in rows or one a line
repeated   one to three templates with a name or number that changes; product lists; headlines each with 'read more'
spam       a few key phrases over and over: comma lists, variants a line, sentences stuffed with them
truncated  headlines and teasers from real sentences, cut at a number of words or characters, with dates or not
teasers    half blocks of a page, half headline and one to three whole real sentences, and 'read more'
comments   name, date, a fragment or sentence or two with loose punctuation, 'reply' and 'like'
salad      real sentences with words exchanged (by frequency), shuffled, or pasted from fragments: prose at first sight
natural    the boilerplate of real pages of that language as it is; only where there are such pages
"""

import re
import time
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
import pyarrow as pa
from lxml import etree
from lxml import html as lxml_html

from filters.charset import decode
from filters.columns import label as join_label
from filters.labels import canonical
from filters.scripts import script
from filters.segment import ALPHABETIC, WORD_LIKE, segment
from tests.benchmarks.clean import CRAWLED, SPLITS, Clean, html_index, order, site, site_halves
from tests.benchmarks.corpora import DATA

KINDS = ("menus", "tags", "repeated", "spam", "truncated", "teasers", "comments", "salad", "natural")
SHORTEST, LONGEST = 30, 2000  # words of a document, about: a document ends with a whole line
_FUNCTION_WORDS = 60  # the most frequent words of a language; menus hold few of them
_LEXICON_BYTES = 300_000  # clean text a language's words are drawn from
_STRUCTURE_SCRIPTS = frozenset({"Latn", "Cyrl", "Grek"})  # words between spaces: a page's items can be counted
_CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})
_SURE = 0.7  # lid.176 on the whole page


@dataclass(frozen=True, slots=True)
class Junk:
    """One junk document; `kind` is one of KINDS."""

    label: str
    text: str
    kind: str
    split: str


# Pages: the structure

_SKIPPED = frozenset({"script", "style", "noscript", "svg", "template", "iframe", "head", "textarea", "video"})
_LINE_TAGS = (
    "address article aside blockquote br button dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr label legend li main nav ol option p section select table tbody td th tr ul"
)
_LINES = frozenset(_LINE_TAGS.split())
_BOILERPLATE_TAGS = frozenset({"nav", "footer", "aside", "header", "select", "form", "dl"})
_LISTS = frozenset({"ul", "ol", "table", "div", "section"})
_HINT = re.compile(
    r"menu|nav|foot|sidebar|side-bar|related|teaser|widget|cookie|consent|gdpr|banner|breadcrumb|tag|cloud|categor|"
    r"share|social|comment|recommend|popular|most-?read|trending|copyright|newsletter|login|archive|headlines",
    re.IGNORECASE,
)
_TAG_HINT = re.compile(r"\btag|tags\b|tagcloud|keyword|topics", re.IGNORECASE)
_OTHER_SCRIPTS = re.compile(r"[\u0530-\u1dff\u2e80-\ua63f\ua800-\ufdff\uff66-\uffdc]")  # than _STRUCTURE_SCRIPTS
_CODE = re.compile(r"[{}<>]|function ?\(|=>|&&|\bvar ")
_ITEM = "\x01"  # before the first line of a list item
_PROSE = 150  # characters of a paragraph of few links


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of boilerplate; list items' first lines begin with `_ITEM`."""

    kind: str  # menus, tags or truncated (headlines): what its lines are like
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    label: str
    split: str
    written: str  # script of most letters
    blocks: tuple[Block, ...]

    def text(self) -> str:
        return "\n".join(line.removeprefix(_ITEM) for block in self.blocks for line in block.lines)


def _rendered(element: etree._Element) -> Iterator[str]:
    """Text with a newline wherever a browser begins a line."""
    if not isinstance(element.tag, str) or element.tag in _SKIPPED:
        return
    breaks = element.tag in _LINES
    if breaks:
        yield "\n"
    if element.tag == "li":
        yield _ITEM
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        yield from _rendered(child)
        yield re.sub(r"\s+", " ", child.tail or "")
    if breaks:
        yield "\n"


def _lines(element: etree._Element) -> tuple[str, ...]:
    lines = (re.sub(r" +", " ", line).strip() for line in "".join(_rendered(element)).split("\n"))
    tidy = (_ITEM * (_ITEM in line) + line.replace(_ITEM, " ").strip() for line in lines)
    return tuple(line for line in tidy if line.strip(_ITEM) and len(line) < 600 and not _CODE.search(line))


def _weights(root: etree._Element) -> dict[etree._Element, tuple[int, int, int]]:
    """Characters of each element: all, in links, in paragraphs of prose."""
    total: dict[etree._Element, list[int]] = defaultdict(lambda: [0, 0, 0])
    for element in reversed([each for each in root.iter() if isinstance(each.tag, str)]):
        own = total[element]
        if element.tag in _SKIPPED:
            own[:] = [0, 0, 0]
        own[0] += len((element.text or "").strip()) * (element.tag not in _SKIPPED)
        if element.tag == "a":
            own[1] = own[0]
        if element.tag == "p" and own[0] >= _PROSE and own[1] < 0.3 * own[0]:
            own[2] = own[0]
        parent = element.getparent()
        if parent is not None:
            total[parent] = [a + b for a, b in zip(total[parent], own, strict=True)]
            total[parent][0] += len((element.tail or "").strip())
    return {element: (counts[0], counts[1], counts[2]) for element, counts in total.items()}


def _names(element: etree._Element) -> str:
    return f"{element.get('class') or ''} {element.get('id') or ''}"


def _is_boilerplate(element: etree._Element, characters: int, linked: int, prose: int) -> bool:
    if characters < 20 or prose > 0.2 * characters:
        return False
    hinted = element.tag in _BOILERPLATE_TAGS or bool(_HINT.search(_names(element)))
    return hinted or (element.tag in _LISTS and linked > 0.5 * characters)


def _boilerplate(root: etree._Element) -> Iterator[etree._Element]:
    """The outermost elements that are boilerplate, in page order."""
    weights, stack = _weights(root), [root]
    while stack:
        element = stack.pop()
        if not isinstance(element.tag, str) or element.tag in _SKIPPED:
            continue
        if _is_boilerplate(element, *weights[element]):
            yield element
        else:
            stack.extend(reversed(element))


def _block(element: etree._Element) -> Block:
    lines = _lines(element)
    words = median([line.count(" ") + 1 for line in lines] or [0])
    tags = bool(_TAG_HINT.search(_names(element))) and words <= 3
    return Block("tags" if tags else "truncated" if words >= 4 else "menus", lines)


def _blocks(body: bytes) -> tuple[Block, ...]:
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(body, None))
    try:
        root = lxml_html.document_fromstring(text)
    except (etree.ParserError, ValueError):
        return ()
    found = root.find("body")
    blocks = (_block(element) for element in _boilerplate(root if found is None else found))
    return tuple(block for block in blocks if block.lines)


def _page_label(page: dict, written: str) -> str:
    sure = page.get("lid_176") and float(page.get("lid_176_prob") or 0) >= _SURE
    return join_label(*canonical(page["lid_176"] if sure else "", written))


@lru_cache(maxsize=1)
def _pages(shared: Path) -> tuple[Page, ...]:
    """The boilerplate of every page of the crawled sets."""
    split, found = site_halves(shared), []
    for name in CRAWLED:
        with zipfile.ZipFile(shared / "html" / f"{name}.zip") as archive:
            for page in html_index(shared, name):
                blocks = _blocks(archive.read(f"pages/{page['file']}"))
                written = script(pa.array(["\n".join(line for each in blocks for line in each.lines)])).to_pylist()[0]
                found.append(Page(_page_label(page, written), split[site(page)], written, blocks))
    return tuple(page for page in found if len(page.text()) > 100)


@dataclass(frozen=True, slots=True)
class Structures:
    """What the pages of one half have to give."""

    pages: tuple[Page, ...]
    menus: tuple[tuple[Block, ...], ...]  # by page
    tags: tuple[str, ...]
    headline_words: tuple[int, ...]  # words of headlines and teasers
    dates: tuple[str, ...]  # as found, written in digits
    lengths: tuple[int, ...]  # words of a page's boilerplate


_DATE = re.compile(r"\b\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\b(?:,? (?:- )?\d{1,2}:\d\d)?")


def _countable(block: Block) -> Block:
    """Without the lines in other scripts, which a page in several languages has."""
    return Block(block.kind, tuple(line for line in block.lines if not _OTHER_SCRIPTS.search(line)))


def _structures(pages: tuple[Page, ...], split: str) -> Structures:
    own = tuple(page for page in pages if page.split == split)
    counted = [page for page in own if page.written in _STRUCTURE_SCRIPTS]
    by_page = [tuple(map(_countable, page.blocks)) for page in counted]
    by_kind: dict[str, list[str]] = defaultdict(list)
    for block in chain.from_iterable(by_page):
        by_kind[block.kind] += [line.strip(_ITEM) for line in block.lines]
    lengths = [len(page.text().split()) for page in counted]
    return Structures(
        own,
        tuple(blocks for blocks, length in zip(by_page, lengths, strict=True) if length >= SHORTEST),
        tuple(line for line in by_kind["tags"] if len(line) < 40 and _RUN.search(line)),
        tuple(words for words in (line.count(" ") + 1 for line in by_kind["truncated"]) if words >= 4),
        tuple(_DATE.findall("\n".join(page.text() for page in counted))) or ("01.02.2019",),
        tuple(min(length, LONGEST) for length in lengths if length >= SHORTEST),
    )


# Lexicon: the words

_SENTENCE_END = re.compile(r"(?<=[.!?।॥۔؟])\s+|(?<=[。\uff01\uff1f])(?=\w)|(?<=[።။។])\s*|(?<=།)\s+|\n+")
_TERMINALS = ".।۔。།።။។։"
_COMMAS = ",،、\uff0c፣၊՝"
_QUESTIONS = "?؟\uff1f፧՞"
_GREEK_QUESTION = ";"  # a semicolon elsewhere
_SHORTEST_SENTENCE = 20  # characters; below it a date, a name, a stray mark


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language's half, in `data`, its running text; word i is bytes `starts[i]` to `ends[i]`."""

    written: str
    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    sentences: tuple[str, ...]
    first: tuple[int, ...]  # word that each sentence begins with, and the number of words
    content: tuple[str, ...]
    weights: tuple[int, ...]  # cumulative
    joiner: str  # between two words
    spacer: str  # between two sentences
    word_length: float  # characters, with what separates it from the next
    marks: dict[int, str]  # ASCII digits, full stop, comma, question mark -> the language's own

    def words(self, start: int, count: int) -> str:
        return self.data[self.starts[start] : self.ends[start + count - 1]].decode()


def _most(options: str, text: str, otherwise: str) -> str:
    counts = Counter({option: text.count(option) for option in options})
    best, count = counts.most_common(1)[0]
    return best if count else otherwise


def _marks(text: str, sentences: Iterable[str], written: str) -> dict[int, str]:
    """str.translate table; a language whose sentences mostly end in no mark (Thai) loses the full stop."""
    ends = Counter(unicodedata.category(each[-1])[0] for each in sentences)
    ended = ends["P"] > 0.3 * sum(ends.values())
    zeros = Counter(ord(each) - unicodedata.decimal(each) for each in text if each.isdecimal())
    digits = {ord("0") + n: chr(zero + n) for zero, _ in zeros.most_common(1) for n in range(10)}
    terminal = _most(_TERMINALS, text, ".") if ended else ""
    return digits | {
        ord("."): terminal,
        ord(","): _most(_COMMAS, text, ","),
        ord("?"): _GREEK_QUESTION if written == "Grek" else _most(_QUESTIONS, text, "?"),
    }


def _sample(documents: list[Clean]) -> list[Clean]:
    """Up to `_LEXICON_BYTES` of text, in hash order."""
    ordered = sorted(documents, key=lambda each: order(each.text))
    sizes = accumulate(len(each.text.encode()) for each in ordered)
    return [each for each, size in zip(ordered, sizes, strict=True) if size <= _LEXICON_BYTES] or ordered[:1]


def _content(words: list[str], joiner: str, written: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Words that are not among the most frequent, nor splinters of a wrong break, nor Latin amid another script."""
    shortest = 3 if joiner == "" and written not in ("Hani", "Jpan") else 2
    frequent = {word for word, _ in Counter(map(str.casefold, words)).most_common(_FUNCTION_WORDS)}
    own = [word for word in words if len(word) >= shortest and (written == "Latn" or not word.isascii())]
    counts = Counter(word for word in own if word.casefold() not in frequent) or Counter(words)
    return tuple(counts), tuple(accumulate(counts.values()))


def _lexicon(documents: list[Clean]) -> Lexicon:
    text = "\n".join(each.text for each in _sample(documents))
    sentences = [piece.strip() for piece in _SENTENCE_END.split(text) if len(piece.strip()) >= _SHORTEST_SENTENCE]
    spacer = " " if sum(" " in each for each in sentences) > 0.5 * len(sentences) else ""
    segments = segment(pa.array([sentence + spacer for sentence in sentences], pa.string()))
    tokens = segments.tokens[(segments.tokens["flags"] & WORD_LIKE) > 0]
    data, starts, ends = segments.data.tobytes(), tokens["start"], tokens["end"]
    gaps = Counter(data[end:start] for end, start in zip(ends[:-1].tolist(), starts[1:].tolist(), strict=True))
    joiner = gaps.most_common(1)[0][0].decode()
    letters = tokens[(tokens["flags"] & ALPHABETIC) > 0]
    spans = zip(letters["start"].tolist(), letters["end"].tolist(), strict=True)
    written = script(pa.array([text], pa.string())).to_pylist()[0]
    content = _content([data[start:end].decode() for start, end in spans], joiner, written)
    first = tuple(np.searchsorted(starts, segments.offsets).tolist())
    length = len(data.decode()) / len(starts)
    marks = _marks(text, sentences, written)
    return Lexicon(written, data, starts, ends, tuple(sentences), first, *content, joiner, spacer, length, marks)


# Filling the structure with the words

_LITERAL = re.compile(
    r"https?://\S+|www\.\S+|\S+@\S+\.\w+|\b[\w-]+\.(?:com|org|net|de|fr|es|co\.uk|html|pdf)\b|"
    r"\b(?:Facebook|Twitter|Instagram|YouTube|WhatsApp|LinkedIn|Pinterest|Telegram|RSS|Google\+?|PDF|SMS|USB)\b|"
    r"&\w+;",
    re.IGNORECASE,
)
_RUN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*(?: [^\W\d_]+(?:['’][^\W\d_]+)*)*")
_SHORT_RUN = 3  # words; longer ones are cut from running text
_DATE_PART = re.compile(r"\d+")
_STUCK = re.compile(r"(?<!^)\.|[.,?](?=[^\s]|\d)|(?<=\d),")  # marks that end nothing: 3.50, 1., ...


@dataclass(slots=True)
class Writer:
    """Fills structure with one language's words, for one document."""

    random: Random
    lexicon: Lexicon
    structures: Structures
    filled: dict[str, str] = field(default_factory=dict)
    date_format: str = ""

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def phrase(self, words: int) -> str:
        """Content words, by frequency."""
        chosen = self.random.choices(self.lexicon.content, cum_weights=self.lexicon.weights, k=words)
        return self.lexicon.joiner.join(chosen)

    def run(self, words: int) -> str:
        """Running text of so many words, from anywhere."""
        count = min(words, len(self.lexicon.starts) - 1)
        return self.lexicon.words(self.random.randrange(len(self.lexicon.starts) - count), count)

    def opening(self, words: int) -> str:
        """A sentence's first words; all of a shorter one, without its final mark."""
        first, number = self.lexicon.first, self.random.randrange(len(self.lexicon.sentences))
        count = min(words, first[number + 1] - first[number])
        return self.lexicon.words(first[number], count) if count else self.lexicon.sentences[number]

    def sentence(self) -> str:
        return self.random.choice(self.lexicon.sentences)

    def sentences(self, count: int) -> str:
        """Sentences that follow each other in the clean text."""
        start = self.random.randrange(max(1, len(self.lexicon.sentences) - count))
        return self.lexicon.spacer.join(self.lexicon.sentences[start : start + count])

    def local(self, literal: str) -> str:
        """What stands between words, with the digits and marks of the language."""
        kept = {match.start() for match in _STUCK.finditer(literal)}
        marks = self.lexicon.marks
        return "".join(each if at in kept else each.translate(marks) for at, each in enumerate(literal))

    def mark(self, ascii_mark: str) -> str:
        return self.lexicon.marks[ord(ascii_mark)]

    def item(self, words: int) -> str:
        """As many words as a menu item or heading has."""
        return self.phrase(words) if words <= _SHORT_RUN and self.chance(0.7) else self.run(words)

    def label(self, longest: int = 3) -> str:
        """A button or link text: 'read more'."""
        return self.cased(self.phrase(self.random.randint(1, longest)), "Aa")

    def cased(self, text: str, model: str) -> str:
        if self.lexicon.written not in _CASED or not text:
            return text
        if len(model) > 3 and model.isupper():
            return text.upper()
        return text[0].upper() + text[1:] if model[0].isupper() else text

    def _filled(self, match: re.Match[str]) -> str:
        source = match[0]
        if source not in self.filled:
            self.filled[source] = self.cased(self.item(source.count(" ") + 1), source)
        return self.filled[source]

    def line(self, source: str) -> str:
        """A page's line with its words replaced, in its own separators."""
        parts, at = [], 0
        for literal in [*_LITERAL.finditer(source), None]:
            between = source[at : literal.start() if literal else len(source)]
            parts.append(self._plain(between))
            if literal:
                parts.append(literal[0])
                at = literal.end()
        return "".join(parts)

    def _plain(self, source: str) -> str:
        parts, at = [], 0
        for match in _RUN.finditer(source):
            parts += [self.local(source[at : match.start()]), self._filled(match)]
            at = match.end()
        return "".join([*parts, self.local(source[at:])])

    def number(self, longest: int = 4) -> str:
        return self.local(str(self.random.randrange(1, 10 ** self.random.randint(1, longest))))

    def date(self) -> str:
        """A date in the one format of this document."""
        if not self.date_format:
            self.date_format = self.random.choice(self.structures.dates)
        return self.local(_DATE_PART.sub(self._date_part, self.date_format))

    def _date_part(self, match: re.Match[str]) -> str:
        if len(match[0]) == 4:
            return str(self.random.randint(2006, 2025))
        return f"{self.random.randint(1, 12):0{len(match[0])}d}"

    def price(self) -> str:
        amount = f"{self.random.randrange(1, 2000)}{self.random.choice(('', '.99', ',00', '.50'))}"
        return self.random.choice(("${}", "{} €", "₹ {}", "{} USD", "£{}")).format(self.local(amount))


# The kinds: each yields lines until told that there are enough words

Maker = Callable[[Writer, int], Iterator[tuple[str, int]]]  # (line, about how many words)


def _block_lines(write: Writer, bullet: str) -> Iterator[tuple[str, int]]:
    """Page after page, each from its top."""
    while True:
        for block in write.random.choice(write.structures.menus):
            for line in block.lines:
                text = line.removeprefix(_ITEM)
                yield (bullet if line.startswith(_ITEM) else "") + write.line(text), text.count(" ") + 1


def _bullet(write: Writer) -> str:
    return write.random.choice(("", "", "", "", "", "", "", "", "", "- ", "- ", "• ", "* ", "» "))


def _menus(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    lines = _block_lines(write, _bullet(write))
    rows = write.chance(0.25)
    separator = write.random.choice((" | ", " » ", " · ", " / ", " > ", "  ", " • "))
    while rows:
        some = [next(lines) for _ in range(write.random.randint(3, 14))]
        yield separator.join(line for line, _ in some), sum(words for _, words in some)
    yield from lines


def _tag(write: Writer, counted: bool) -> str:
    source = write.random.choice(write.structures.tags)
    tag = write.cased(write.phrase(min(len(source.split()), 4)), source.lstrip("#"))
    return f"{tag} ({write.number(3)})" if counted else tag


def _tags(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    separator = write.random.choice((" ", ", ", " | ", " · ", " #", "\n", "\n", " / ", "; "))
    counted, size = write.chance(0.2), write.random.choice((8, 20, 60, 200))
    while True:
        some = [_tag(write, counted) for _ in range(size)]
        if write.chance(0.4):
            some.sort()
        if write.chance(0.3):
            yield write.label(2) + ":", 2
        yield (separator.strip(" ") if separator == " #" else "") + separator.join(some), round(1.5 * len(some))


def _template(write: Writer) -> Callable[[str], tuple[str, int]]:
    """A line or a few that stay the same but for a name, a number, a price or a date."""
    before, after = write.random.randint(0, 6), write.random.randint(0, 6)
    head, tail = write.cased(write.item(before), "Aa") if before else "", write.item(after) if after else ""
    extra = write.random.choice((lambda: "", write.number, write.price, write.date))
    lines = [write.label() for _ in range(write.random.choice((0, 0, 1, 1, 2)))]
    joiner = write.lexicon.joiner or write.random.choice(("", " "))

    def record(name: str) -> tuple[str, int]:
        first = joiner.join(part for part in (head, name, tail) if part)
        value = extra()
        return "\n".join([f"{first} {value}".strip(), *lines]), before + after + 2 + 2 * len(lines) + bool(value)

    return record


def _templates(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    records = [_template(write) for _ in range(write.random.randint(1, 3))]
    names = [write.phrase(write.random.randint(1, 2)) for _ in range(max(5, target // 8))]
    while True:
        for record in records:
            for name in names:
                yield record(name)


def _read_more(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    """A headline each with the same links below."""
    lines = [write.label() for _ in range(write.random.randint(1, 3))]
    dated = write.chance(0.5)
    while True:
        words = write.random.choice(write.structures.headline_words)
        date = [write.date()] if dated else []
        yield "\n".join([write.opening(words), *date, *lines]), words + 2 * len(lines) + dated


def _repeated(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    return (_templates if write.chance(0.7) else _read_more)(write, target)


def _spam(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    keys = [write.phrase(write.random.randint(1, 4)) for _ in range(write.random.randint(2, 10))]
    modifiers = [write.item(write.random.randint(1, 2)) for _ in range(write.random.randint(2, 30))]
    style = write.random.choice(("list", "variants", "stuffed"))
    comma = write.mark(",") + " "
    join = write.lexicon.joiner
    while True:
        some = [write.random.choice(keys) for _ in range(write.random.randint(4, 25))]
        if style == "list":
            mixed = [join.join((write.random.choice(modifiers), key)) if write.chance(0.5) else key for key in some]
            yield comma.join(mixed), 3 * len(some)
        elif style == "variants":
            yield from ((join.join((key, write.random.choice(modifiers))), 4) for key in some)
        else:
            stuffed = [join.join((write.run(write.random.randint(2, 9)), key)) for key in some[:6]]
            yield write.lexicon.spacer.join(part + write.mark(".") for part in stuffed), 8 * len(stuffed)


def _cut(write: Writer, mark: str) -> tuple[str, int]:
    """A sentence cut at a number of characters, maybe inside a word, or of words."""
    words = write.random.choice(write.structures.headline_words)
    if write.chance(0.3):
        return write.sentence()[: round(words * write.lexicon.word_length)].rstrip() + mark, words
    return write.opening(words) + mark, words


def _truncated(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    mark = write.random.choice(("...", "…", " ...", " …", " [...]", " […]"))
    share, bullet, dated = write.random.uniform(0.4, 1.0), _bullet(write), write.chance(0.4)
    while True:
        line, words = _cut(write, mark if write.chance(share) else "")
        yield bullet + line, words
        if dated and write.chance(0.7):
            yield write.date(), 1


def _teasers(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    lines, more = _block_lines(write, ""), write.label()
    while True:
        for _ in range(write.random.randint(4, 16)):
            yield next(lines)
        for _ in range(write.random.randint(1, 3)):
            yield write.opening(write.random.randint(4, 10)), 7
            teaser = write.sentences(write.random.randint(1, 3))
            yield teaser, round(len(teaser) / write.lexicon.word_length)
            yield more, 2


def _remark(write: Writer) -> tuple[str, int]:
    """What one commenter writes: a fragment or up to three sentences, punctuated as it comes."""
    if write.chance(0.4):
        text = write.sentences(write.random.randint(1, 3))
    else:
        text = write.run(write.random.randint(2, 25))
    end = write.random.choice(("", "", "", "!", "!!!", "...", write.mark("."), write.mark("?") * 2, " :)"))
    return text.rstrip(_TERMINALS) + end, round(len(text) / write.lexicon.word_length)


def _comments(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    links = [write.label(2) for _ in range(write.random.randint(1, 3))]
    wrote, one_line = write.phrase(write.random.randint(1, 2)), write.chance(0.5)
    while True:
        name = write.cased(write.phrase(write.random.randint(1, 2)), "Aa")
        head = f"{name} {wrote}: {write.date()}" if one_line else f"{name}\n{write.date()}"
        remark, words = _remark(write)
        foot = " | ".join(links) if one_line else "\n".join([*links, write.number(2)])
        yield f"{head}\n{remark}\n{foot}", words + 4 + 2 * len(links)


def _around(text: str, replace: Callable[[list[str]], list[str]]) -> str:
    """The text with its words replaced, its own spaces and punctuation kept."""
    raw, tokens = text.encode(), segment(pa.array([text], pa.string())).tokens
    spans = [(int(each["start"]), int(each["end"])) for each in tokens if each["flags"] & WORD_LIKE]
    edges = [0, *(edge for span in spans for edge in span), len(raw)]
    pieces = [raw[start:end].decode() for start, end in pairwise(edges)]
    pieces[1::2] = replace(pieces[1::2])
    return "".join(pieces)


def _exchanged(write: Writer) -> str:
    """A sentence's punctuation around words from all over, by frequency."""
    return _around(write.sentence(), lambda words: [write.run(1) for _ in words])


def _shuffled(write: Writer) -> str:
    return _around(write.sentences(write.random.randint(1, 3)), lambda words: write.random.sample(words, len(words)))


def _pasted(write: Writer) -> str:
    """Fragments of a few words from all over, with one mark at the end."""
    pieces = [write.run(write.random.randint(1, 5)) for _ in range(write.random.randint(2, 6))]
    return write.cased(write.lexicon.joiner.join(pieces), "Aa") + write.mark(".")


def _salad(write: Writer, target: int) -> Iterator[tuple[str, int]]:
    make = write.random.choice((_exchanged, _shuffled, _pasted))
    while True:
        paragraph = write.lexicon.spacer.join(make(write) for _ in range(write.random.randint(1, 3)))
        yield paragraph, round(len(paragraph) / write.lexicon.word_length)


_MAKERS: dict[str, Maker] = {
    "menus": _menus,
    "tags": _tags,
    "repeated": _repeated,
    "spam": _spam,
    "truncated": _truncated,
    "teasers": _teasers,
    "comments": _comments,
    "salad": _salad,
}


def _length(write: Writer) -> int:
    """Words: those of a page's whole boilerplate, or of a part of it, as an extractor leaves it."""
    whole = write.random.choice(write.structures.lengths)
    return max(SHORTEST, round(whole * write.random.choice((1.0, write.random.uniform(0.1, 1.0)))))


def _document(write: Writer, maker: Maker) -> str:
    """Lines of one kind, to a length that real boilerplate has."""
    target, words, lines = _length(write), 0, []
    for line, count in maker(write, target):
        lines.append(line)
        words += count
        if words >= target:
            break
    return "\n".join(line for line in lines if line.strip())


def _natural(structures: Structures, label: str, lexicon: Lexicon, random: Random, count: int) -> list[str]:
    """The boilerplate of pages in this language, a page a document."""
    longest, shortest = round(LONGEST * lexicon.word_length), round(2 * SHORTEST * lexicon.word_length)
    texts = [page.text() for page in structures.pages if page.label == label]
    long = [text[:longest].rpartition("\n")[0] for text in texts if len(text) >= shortest]
    return random.sample(long, min(count, len(long)))


def _of_language(label: str, split: str, lexicon: Lexicon, structures: Structures, count: int, seed: int) -> list[Junk]:
    random = Random(f"{seed} {label} {split}")
    natural = _natural(structures, label, lexicon, random, -(-count // len(KINDS)))
    made = [Junk(label, text, "natural", split) for text in natural]
    for number in range(count - len(made)):
        kind = KINDS[number % len(_MAKERS)]
        write = Writer(Random(f"{seed} {label} {split} {number}"), lexicon, structures)
        made.append(Junk(label, _document(write, _MAKERS[kind]), kind, split))
    return made


def junk(shared: Path, clean: list[Clean], *, per_language: int = 200, seed: int = 1) -> list[Junk]:
    """`per_language` documents of every label of `clean`, half in each split, the kinds in equal share.

    Depends on nothing but the arguments and the data. A label's junk does not depend on which other labels are there.
    """
    documents: dict[tuple[str, str], list[Clean]] = defaultdict(list)
    for each in clean:
        documents[each.label, each.split].append(each)
    structures = {split: _structures(_pages(shared), split) for split in SPLITS}
    made: list[Junk] = []
    for label, split in sorted(documents):
        lexicon = _lexicon(documents[label, split])
        made += _of_language(label, split, lexicon, structures[split], per_language // 2, seed)
    return made


# A look at it

_SHOWN = "eng_Latn hin_Deva tam_Taml tha_Thai cmn_Hani amh_Ethi yor_Latn urd_Arab"
_SHOWN_SIGNALS = (
    "words",
    "mean_words_per_line",
    "short_line_ratio",
    "terminal_punctuation_line_ratio",
    "ellipsis_line_ratio",
    "duplicate_line_ratio",
    "top_2gram_character_ratio",
    "repeated_5gram_ratio",
    "symbol_character_ratio",
    "script_ratio",
)


def _print_examples(made: list[Junk]) -> None:
    first = {(each.label, each.kind): each.text for each in reversed(made)}
    for (label, kind), text in first.items():
        print(f"--- {label} {kind}, {len(text)} characters\n{text[:300]}\n")


def _print_medians(groups: dict[tuple[str, str], list[str]]) -> None:
    from filters.signals import measure

    print(" " * 20 + "".join(f"{name[:18]:>20}" for name in _SHOWN_SIGNALS))
    for (label, kind), texts in sorted(groups.items()):
        rows = measure(pa.array(texts, pa.string()), pa.array([label] * len(texts), pa.string()))
        values = [rows.field(name).to_numpy(zero_copy_only=False) for name in _SHOWN_SIGNALS]
        print(f"{label:10}{kind:10}" + "".join(f"{np.nanmedian(each):20.3f}" for each in values))


def main() -> None:
    from tests.benchmarks.clean import clean

    documents = [each for each in clean(DATA) if each.label in _SHOWN.split()]
    start = time.process_time()
    made = junk(DATA, documents)
    seconds = time.process_time() - start
    _print_examples(made)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in made:
        groups[each.label, each.kind].append(each.text)
    for document in documents:
        groups[document.label, "(clean)"].append(document.text)
    _print_medians(groups)
    print(f"{len(made)} documents in {seconds:.1f} s of CPU")


if __name__ == "__main__":
    main()
