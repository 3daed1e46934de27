"""Documents through `translate.document` and back: with an echo, with an engine that marks, with one that is noisy.

`python -m tests.benchmarks.echo_round_trip` prints one JSON line. All shared documents in their formats, and:

- `identical`: documents that an echo leaves as they were, byte for byte; must be all.
- `given`: of the letters that readers of other making see (lexbor's DOM for HTML, markdown-it for Markdown, `json`) and
  that are in no protected part, the share that spans hold, word by word. `given_of_all`: protected parts counted too.
- `marked`: documents where every word that was given is marked, the marks are taken off after rebuilding, and the same
  is left. JSON and HTML are compared decoded, as what changed is escaped anew.
- `noisy_*`: placeholders dropped, doubled, invented, reordered, or rewritten harmlessly, at random.

Speeds are of parsing and rebuilding with an echo, in MB of UTF-8 per second of CPU time.
"""

import gzip
import html
import json
import random
import re
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator

from markdown_it import MarkdownIt
from resiliparse.parse.html import DOMNode, HTMLTree, NodeType

from filters.charset import decode
from tests.benchmarks.corpora import DATA, _records
from translate.document import Document
from translate.mask import check_placeholders, placeholders, protected
from translate.spans import Span

NOISY = 100_000
_WORD = re.compile(r"[^\W\d_]+")
_BEGIN, _END = "\ue0f0", "\ue0f1"
_CHAT = ("dpo_en_demo.json.gz", "glaive_toolcall_en_demo.json.gz", "v1_sft_demo.jsonl.gz")
_LISTED = """
audio canvas code datalist iframe kbd math noembed noframes object pre samp script style svg template textarea var
    video xmp
"""
_KEPT_HTML = frozenset(_LISTED.split())
_MESSAGE_TEXT = frozenset(("content", "value", "text", "chosen", "rejected"))
_MACHINES = frozenset(("function_call", "observation", "tool", "function"))
_RECORD_TEXT = frozenset(("instruction", "input", "output"))
_markdown = MarkdownIt("commonmark").enable("table")


# --- documents


def _pages() -> Iterator[str | bytes]:
    for path in sorted((DATA / "html").glob("*.zip")):
        with zipfile.ZipFile(path) as pages:
            yield from (
                pages.read(name) for name in pages.namelist() if name.endswith((".html", ".htm")) or "pages/" in name
            )


def _texts() -> Iterator[str]:
    for path in sorted(DATA.glob("text/*.gz")) + sorted(DATA.glob("raw/*.gz")) + sorted(DATA.glob("romanized/*.gz")):
        for record in _records(str(path.relative_to(DATA))):
            for key in ("text", "headline", "native", "roman", "hinglish", "lines", "paras", "verses", "paragraphs"):
                if value := record.get(key):
                    yield value if isinstance(value, str) else "\n".join(value)


def _files(chat: bool) -> Iterator[str]:
    """Each file of instruction data whole, and each record of it alone."""
    for path in sorted(DATA.glob("sft/*.gz")):
        if (path.name in _CHAT) == chat:
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                source = file.read()
            yield source
            lines = path.name.endswith(".jsonl.gz")
            records = map(json.loads, source.splitlines()) if lines else json.loads(source)
            yield from (json.dumps(record, ensure_ascii=at % 2 == 0) for at, record in enumerate(records))


def _markdown_texts() -> Iterator[str]:
    """Pages about the data, the messages, and one plain text in twenty."""
    for path in sorted(DATA.parent.rglob("*.md")):
        yield path.read_text(encoding="utf-8")
    for chat in (False, True):
        for source in _files(chat):
            if source.startswith("{") and "\n" not in source:
                yield from _fields(json.loads(source), chat)
    yield from (text for at, text in enumerate(_texts()) if at % 20 == 0)


def _documents() -> dict[str, Iterator[str | bytes]]:
    return {
        "plain": _texts(),
        "markdown": _markdown_texts(),
        "html": _pages(),
        "chat": _files(True),
        "instruction": _files(False),
    }


# --- what other readers see


def _fields(value: object, chat: bool, key: str = "") -> Iterator[str]:
    wanted = _MESSAGE_TEXT if chat else _RECORD_TEXT
    if isinstance(value, str) and key in wanted:
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _fields(each, chat, key)
    elif isinstance(value, dict) and value.get("from") not in _MACHINES and value.get("role") not in _MACHINES:
        for name, each in value.items():
            yield from _fields(each, chat, name)


def _html_texts(source: str) -> Iterator[str]:
    """Text nodes of lexbor's tree that are shown."""
    todo: list[DOMNode] = [HTMLTree.parse(source).document]
    while todo:
        node = todo.pop()
        if node.type == NodeType.TEXT:
            yield node.text
        elif node.type != NodeType.COMMENT and not (node.type == NodeType.ELEMENT and _kept(node)):
            todo += node.child_nodes


def _kept(node: DOMNode) -> bool:
    no = node.getattr("translate") == "no" or "notranslate" in (node.getattr("class") or "").split()
    return node.tag in _KEPT_HTML or no


def _markdown_seen(source: str) -> Iterator[str]:
    for token in _markdown.parse(source):
        for inner in token.children or ():
            if inner.type == "text":
                yield inner.content


def _seen(source: str, format: str) -> Iterator[str]:
    if format == "plain":
        yield from source.splitlines()
    elif format == "html":
        yield from _html_texts(source)
    elif format == "markdown":
        yield from _markdown_seen(source)
    else:
        lines = [source] if source[:1] == "[" or source.count("\n") == 0 else source.splitlines()
        for line in lines:
            for text in _fields(json.loads(line), format == "chat"):
                yield from _markdown_seen(text)


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def _outside(text: str) -> str:
    pieces, at = [], 0
    for start, end in protected(text):
        pieces.append(text[at:start])
        at = end
    return " ".join([*pieces, text[at:]])


def _letters(words: Counter[str]) -> int:
    return sum(len(word) * count for word, count in words.items())


# --- the engines


def _marked(span: Span) -> str:
    return _WORD.sub(lambda word: f"{_BEGIN}{word[0]}{_END}", span.text)


def _unmarked(text: str) -> str:
    return text.replace(_BEGIN, "").replace(_END, "")


def _is_same(source: str, marked: str, format: str) -> bool:
    """But for the marks; where characters may be written in two ways, as what they are."""
    if source == _unmarked(marked):
        return True
    if format == "html":
        return " ".join(html.unescape(source).split()) == " ".join(html.unescape(_unmarked(marked)).split())
    if format in ("chat", "instruction"):
        return _decoded(source) == _unmarked(_decoded(marked))
    return " ".join(source.split()) == " ".join(_unmarked(marked).split())


def _decoded(source: str) -> str:
    lines = [source] if source[:1] == "[" else source.splitlines()
    return "\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines)


def _text(document: str | bytes, figures: Counter[str]) -> str:
    """The text; bytes that are no UTF-8 take a way of their own, and back to bytes, as well."""
    if isinstance(document, str):
        return document
    raw = document.decode("utf-8", "surrogateescape")
    parsed = Document.parse(raw, "html")
    back = parsed.rebuild([span.text for span in parsed.spans]).encode("utf-8", "surrogateescape")
    figures["bytes_differ"] += back != document
    return decode(document)


def _measure(format: str, documents: Iterator[str | bytes], pool: list[str]) -> dict[str, float]:
    count, seconds, size = Counter[str](), 0.0, 0
    for each in documents:
        text = _text(each, count)
        start = time.process_time()
        document = Document.parse(text, format)
        back = document.rebuild([span.text for span in document.spans])
        seconds += time.process_time() - start
        size += len(text.encode("utf-8", "surrogatepass"))
        count["documents"] += 1
        count["spans"] += len(document.spans)
        count["identical"] += back == text
        marked = document.rebuild([_marked(span) for span in document.spans])
        count["marked"] += _is_same(text, marked, format)
        given, seen = _words("\n".join(span.text for span in document.spans)), list(_seen(text, format))
        every, outside = _words("\n".join(seen)), _words("\n".join(map(_outside, seen)))
        count["every"] += _letters(every)
        count["outside"] += _letters(outside)
        count["given"] += _letters(outside & given)
        count["given_every"] += _letters(every & given)
        pool += [span.text for span in document.spans if span.parts]
    return {
        "documents": count["documents"],
        "spans": count["spans"],
        "mb": round(size / 1e6, 1),
        "mb_per_second": round(size / 1e6 / seconds, 2),
        "identical": round((count["identical"] - count["bytes_differ"]) / count["documents"], 6),
        "marked": round(count["marked"] / count["documents"], 5),
        "letters": count["every"],
        "given": round(count["given"] / count["outside"], 5),
        "given_of_all": round(count["given_every"] / count["every"], 5),
    }


# --- noise


def _pieces(text: str) -> list[str]:
    return re.split(r"(</?\d+>)", text)


def _noisy(text: str, chance: random.Random) -> str:
    """Of the pieces at odd places, which are placeholders, some are dropped, doubled, swapped, invented or rewritten."""
    pieces = _pieces(text)
    odd = range(1, len(pieces), 2)
    for action in chance.sample(("drop", "double", "reorder", "invent", "rewrite", "nothing"), chance.randint(1, 2)):
        at = chance.choice(odd)
        if action == "drop":
            pieces[at] = ""
        elif action == "double":
            pieces[chance.choice(odd) - 1] += pieces[at]
        elif action == "reorder":
            other = chance.choice(odd)
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif action == "invent":
            pieces[at - 1] += f"<{len(pieces) + chance.randint(0, 9)}>"
        elif action == "rewrite":
            pieces[at] = pieces[at].translate(str.maketrans("<>0123456789", "＜＞०१२३४५६७८९"))
    return "".join(pieces)


def _plain(text: str) -> list[str]:
    return re.findall(r"</?\d+>", text.translate(str.maketrans("＜＞०१२३४५६७८९", "<>0123456789")))


def _nested(names: list[str]) -> bool:
    """Whether pairs are, by taking the innermost away until none is left."""
    pairs = {name.replace("/", "") for name in names if "/" in name}
    left = "".join(name for name in names if "/" in name or name in pairs)
    while (fewer := re.sub(r"<(\d+)></\1>", "", left)) != left:
        left = fewer
    return not left


def _noise(pool: list[str]) -> dict[str, int]:
    chance, count = random.Random(7), Counter[str]()
    for _ in range(NOISY):
        source = chance.choice(pool)
        noisy = _noisy(source, chance)
        wanted, found = Counter(_plain(source)), Counter(_plain(noisy))
        problem = check_placeholders(source, noisy)
        damaged, crossed = wanted != found, wanted == found and not _nested(_plain(noisy))
        count["damaged"] += damaged
        count["crossed"] += crossed
        count["missed"] += (damaged or crossed) and problem is None
        count["misnamed"] += problem is not None and crossed != (problem.kind == "crossed")
        count["false_alarms"] += problem is not None and not (damaged or crossed)
    return {f"noisy_{name}": count[name] for name in ("damaged", "crossed", "missed", "misnamed", "false_alarms")}


def main() -> None:
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    pool: list[str] = []
    for format, documents in _documents().items():
        figures[format] = _measure(format, documents, pool)
    assert all(placeholders(text) for text in pool)
    print(
        json.dumps(
            {"benchmark": "echo_round_trip", **figures, "noisy_n": NOISY, "noisy_pool": len(pool), **_noise(pool)}
        )
    )


if __name__ == "__main__":
    main()
