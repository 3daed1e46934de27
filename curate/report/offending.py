"""Where in a sample a rule saw what it objected to: spans to highlight, for a reader, not for a decision.

Best effort: words are runs of letters, marks and digits (one letter each in scripts written without spaces), so a span
may differ a little from what the word breaker counted. Linear in the text, any script.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from math import isqrt

Span = tuple[int, int]  # half-open, in code points

SHORT_LINE = 30  # characters, as in short_line_ratio
_TERMINAL = frozenset(".!?…‽⁇⁈⁉。．！？｡।॥؟۔؛።፧፨၊။។៕᙮᠃᠉꘎꘏꓿꩝꩞꩟꫰꫱꯫𑁇𑁈")
_CLOSING = "\"'”’»)]}」』）】》"
_BULLETS = re.compile(r"^[ \t]*([•‣▶◀◦■□▪▫–\-*·●○])", re.MULTILINE)
_ELLIPSIS = re.compile(r"\.\.\.|…")
_ELLIPSIS_END = re.compile(r"(?:\.\.\.|…)(?=[ \t]*$)", re.MULTILINE)
_PERSONAL = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"  # email
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"  # IPv4
    r"|(?<!\w)\+\d(?:[ ().-]{0,2}\d){7,14}(?!\w)"  # international phone number
)
# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han: a letter stands for a word
_UNSPACED = (
    (0x0E00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)


def offending(text: str, metric: str) -> list[Span]:
    """The spans that `metric` (a drop reason) counted against `text`, in order and without overlap.

    Empty where the reason concerns the document as a whole (language, length, means, copies) or is unknown.
    """
    find = _FINDERS.get(metric)
    return _merged(find(text)) if find else []


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _pieces(text: str, separator: str) -> list[Span]:
    """What lies between runs of `separator`, surrounding blanks left out."""
    spans, start = [], 0
    for stop in [*re.finditer(separator, text), None]:
        end = stop.start() if stop else len(text)
        piece = text[start:end]
        left = len(piece) - len(piece.lstrip())
        if piece.strip():
            spans.append((start + left, start + left + len(piece.strip())))
        start = stop.end() if stop else end
    return spans


_lines = partial(_pieces, separator=r"\n+")
_paragraphs = partial(_pieces, separator=r"\n{2,}")


def _is_unspaced(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in _UNSPACED)


def _words(text: str) -> list[Span]:
    """Runs of letters, marks and digits; each letter with its marks in scripts without spaces."""
    spans: list[Span] = []
    for i, character in enumerate(text):
        kind = unicodedata.category(character)[0]
        if kind not in "LMN" and character not in "\u200c\u200d":
            continue
        joins = bool(spans) and spans[-1][1] == i
        if joins and (kind != "L" or not (_is_unspaced(character) or _is_unspaced(text[i - 1]))):
            spans[-1] = (spans[-1][0], i + 1)
        elif kind in "LN":
            spans.append((i, i + 1))
    return spans


def _tokens(text: str) -> list[Span]:
    """Words, and runs of whatever else is not blank."""
    words = _words(text)
    gaps = zip([0, *(end for _, end in words)], [*(start for start, _ in words), len(text)], strict=True)
    others = [(a + m.start(), a + m.end()) for a, b in gaps for m in re.finditer(r"\S+", text[a:b])]
    return sorted(words + others)


def _characters(text: str, objects: Callable[[str], bool]) -> list[Span]:
    return [(i, i + 1) for i, character in enumerate(text) if objects(character)]


def _matches(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [match.span(match.lastindex or 0) for match in pattern.finditer(text)]


def _seen_before(text: str, pieces: Callable[[str], list[Span]]) -> list[Span]:
    seen: set[str] = set()
    return [span for span in pieces(text) if text[slice(*span)] in seen or seen.add(text[slice(*span)])]  # type: ignore[func-returns-value]


def _ngrams(text: str, size: int) -> list[tuple[tuple[str, ...], Span]]:
    words = _words(text)
    forms = [text[start:end] for start, end in words]
    return [(tuple(forms[i : i + size]), (words[i][0], words[i + size - 1][1])) for i in range(len(words) - size + 1)]


def _top_ngram(text: str, size: int) -> list[Span]:
    """Every occurrence of the most frequent n-gram (of equals the first), if it occurs twice."""
    ngrams = _ngrams(text, size)
    counts = Counter(ngram for ngram, _ in ngrams)
    best = max(counts, key=lambda ngram: counts[ngram], default=())
    return [span for ngram, span in ngrams if ngram == best and counts[best] > 1]


def _duplicate_ngrams(text: str, size: int) -> list[Span]:
    """n-grams seen before, scanned left to right without overlap."""
    seen: set[tuple[str, ...]] = set()
    spans, free = [], 0
    for i, (ngram, span) in enumerate(_ngrams(text, size)):
        if i >= free and ngram in seen:
            spans.append(span)
            free = i + size
        elif i >= free:
            seen.add(ngram)
    return spans


def _repeated_ngrams(text: str, size: int) -> list[Span]:
    ngrams = _ngrams(text, size)
    counts = Counter(ngram for ngram, _ in ngrams)
    return [span for ngram, span in ngrams if counts[ngram] > 1]


def _repeated_characters(text: str, size: int) -> list[Span]:
    """Occurrences of the sqrt(distinct) most frequent character n-grams, of those that occur twice."""
    counts = Counter(text[i : i + size] for i in range(len(text) - size + 1))
    top = {ngram for ngram, count in counts.most_common(isqrt(len(counts))) if count > 1}
    return [(i, i + size) for i in range(len(text) - size + 1) if text[i : i + size] in top]


def _unended_lines(text: str) -> list[Span]:
    return [(a, b) for a, b in _lines(text) if not text[a:b].rstrip(_CLOSING).endswith(tuple(_TERMINAL))]


def _short_lines(text: str) -> list[Span]:
    return [(a, b) for a, b in _lines(text) if b - a <= SHORT_LINE]


def _without_letter(text: str) -> list[Span]:
    return [(a, b) for a, b in _tokens(text) if not any(c.isalpha() for c in text[a:b])]


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character)[0] not in "LMNZ" and not character.isspace()


def _script(character: str) -> str:
    """The first word of the character's name: LATIN, DEVANAGARI ...; Han and kana count as one."""
    name = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return "CJK" if name in ("HIRAGANA", "KATAKANA") else name


def _foreign_letters(text: str, also: tuple[str, ...] = ()) -> list[Span]:
    """Letters of another script than most letters are in, nor of one in `also`."""
    scripts = [_script(character) if character.isalpha() else "" for character in text]
    home = {name for name, _ in Counter(filter(None, scripts)).most_common(1)} | {*also}
    return [(i, i + 1) for i, script in enumerate(scripts) if script and script not in home]


_FINDERS: dict[str, Callable[[str], list[Span]]] = {
    **{f"top_{n}gram_character_ratio": partial(_top_ngram, size=n) for n in (2, 3, 4)},
    **{f"duplicate_{n}gram_character_ratio": partial(_duplicate_ngrams, size=n) for n in range(5, 11)},
    "duplicate_line_ratio": partial(_seen_before, pieces=_lines),
    "duplicate_line_character_ratio": partial(_seen_before, pieces=_lines),
    "duplicate_nonblank_line_character_ratio": partial(_seen_before, pieces=_lines),
    "duplicate_paragraph_ratio": partial(_seen_before, pieces=_paragraphs),
    "duplicate_paragraph_character_ratio": partial(_seen_before, pieces=_paragraphs),
    "repeated_5gram_ratio": partial(_repeated_ngrams, size=5),
    "repeated_character_10gram_ratio": partial(_repeated_characters, size=10),
    "hash_word_ratio": partial(_matches, re.compile("#+")),
    "ellipsis_word_ratio": partial(_matches, _ELLIPSIS),
    "ellipsis_line_ratio": partial(_matches, _ELLIPSIS_END),
    "bullet_line_ratio": partial(_matches, _BULLETS),
    "alphabetic_word_ratio": _without_letter,
    "terminal_punctuation_line_ratio": _unended_lines,
    "short_line_ratio": _short_lines,
    "symbol_character_ratio": partial(_characters, objects=_is_symbol),
    "digit_character_ratio": partial(_characters, objects=str.isdecimal),
    "foreign_letter_ratio": partial(_foreign_letters, also=("LATIN",)),
    "script_ratio": _foreign_letters,
    "pii": partial(_matches, _PERSONAL),
}
