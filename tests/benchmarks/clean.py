"""Clean documents by language, in two halves: thresholds are set on `calibrate` and judged on `test`.

Wikipedia and MasakhaNews as they are; NTREX news and XQuAD articles joined to one document, a newline a line or
paragraph; the English article bodies of the HTML sets. Left out: hindi_pd_literature, which has no punctuation, and
NTREX's Burmese, which is in the font encoding Zawgyi: as Unicode its words and script are wrong.

A document's half follows from what it is about, never from its language: the translations of a document share one, and
so do all pages of one site. The groups of a source, in hash order, go to either half by turns, so the halves are equal.
NTREX's regional variants of one label (eng-GB, spa-MX, zho-TW ...) are translations of the same documents: each is
taken in one variant, by turns, so a label holds all its variants and no document twice.
"""

import gzip
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import xxhash

from filters.columns import label
from filters.labels import canonical
from filters.scripts import script
from tests.benchmarks.corpora import DATA

SPLITS = ("calibrate", "test")
ENOUGH = 60  # calibrate documents of a language
# HTML sets of real sites; the other sets are manuals, each of one template
CRAWLED = (
    "article_extraction_benchmark",
    "fundus_news",
    "htmldate_multilingual",
    "newspaper_pages",
    "postlight_fixtures_nonenglish",
    "readability_pages",
    "trafilatura_eval",
)
_WIKIPEDIA = "bn gu hi kn ml mr pa sd ta te ur"
_NOT_UNICODE = frozenset({"mya"})  # of NTREX
_SHORTEST = 200  # bytes of an article body; below it the gold is a caption or an error
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "gob", "or", "ne"})


@dataclass(frozen=True, slots=True)
class Clean:
    """One clean document; `source` is wikipedia, ntrex, masakhanews, xquad or html_article."""

    label: str
    text: str
    source: str
    split: str


@dataclass(frozen=True, slots=True)
class _Document:
    language: str  # as the source names it
    text: str
    source: str
    group: str  # what it is about, or its site: never on both sides


def order(*parts: object) -> int:
    """A number that depends on nothing but the parts: orders things without a pattern."""
    return xxhash.xxh3_64_intdigest("\t".join(map(str, parts)).encode())


def halves(groups: Collection[str]) -> dict[str, str]:
    """The split of each group: one to either side by turns, in hash order; what is before a `:` is halved by itself."""
    ordered = sorted(set(groups), key=lambda group: (group.partition(":")[0], order(group), group))
    return {group: SPLITS[turn % 2] for turn, group in enumerate(ordered)}


def records(shared: Path, path: str) -> Iterator[dict]:
    """The lines of a `.jsonl.gz` of the shared data."""
    with gzip.open(shared / path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def site(page: dict) -> str:
    """The site of an HTML page's index entry: `bbc` for bbc.co.uk, and for the file bbc-1.html that names no URL."""
    url = page.get("url") or (page.get("meta") or {}).get("url") or ""
    host = (urlsplit(url).hostname or "").split(".")
    if len(host) < 2:
        return re.split(r"[.\-_]?\d*\.|-\d|-", page["file"].rpartition("__")[2].casefold())[0] or page["file"]
    return host[-3] if len(host) > 2 and host[-2] in _SECOND_LEVEL else host[-2]


def _wikipedia(shared: Path) -> Iterator[_Document]:
    for language in _WIKIPEDIA.split():
        for page in records(shared, f"raw/wikipedia_{language}.jsonl.gz"):
            yield _Document(language, page["text"], "wikipedia", f"{language}:{page['page_id']}")


def _one_variant(documents: list[_Document]) -> Iterator[_Document]:
    """Of the regional variants of a document under one label, one by turns."""
    variants: dict[tuple[str, str], list[_Document]] = defaultdict(list)
    names = _labels(documents)
    for document in documents:
        variants[names[document.source, document.language], document.group].append(document)
    for turn, found in enumerate(variants.values()):
        yield found[turn % len(found)]


def _ntrex(shared: Path) -> Iterator[_Document]:
    rows = (row for row in records(shared, "text/ntrex128.jsonl.gz") if row["lang"] not in _NOT_UNICODE)
    yield from _one_variant([_Document(row["lang"], "\n".join(row["lines"]), "ntrex", row["doc"]) for row in rows])


def _masakhanews(shared: Path) -> Iterator[_Document]:
    for row in records(shared, "text/masakhanews.jsonl.gz"):
        yield _Document(row["lang"], row["text"], "masakhanews", f"{row['lang']}:{row['url'].rpartition(':')[2]}")


def _xquad(shared: Path) -> Iterator[_Document]:
    for row in records(shared, "text/xquad_contexts.jsonl.gz"):
        yield _Document(row["lang"], "\n".join(row["paragraphs"]), "xquad", str(row["article"]))


def _fundus_text(page: dict) -> str:
    """The article of the newest parser: summary, headlines and paragraphs, one a line."""
    versions = page.get("gold_by_parser_version") or {}
    body = versions[max(versions)].get("body") if versions else None
    if not body:
        return ""
    parts = list(body.get("summary") or [])
    for section in body.get("sections") or []:
        parts += (section.get("headline") or []) + (section.get("paragraphs") or [])
    return "\n".join(parts)


def html_index(shared: Path, name: str) -> list[dict]:
    """The index of one set of HTML pages."""
    with zipfile.ZipFile(shared / "html" / f"{name}.zip") as archive:
        return [json.loads(line) for line in archive.read("index.jsonl").splitlines()]


def _html_articles(shared: Path) -> Iterator[_Document]:
    for page in html_index(shared, "article_extraction_benchmark"):
        yield _Document(page["lid_176"], page["articleBody"], "html_article", site(page))
    for page in html_index(shared, "fundus_news"):
        yield _Document(page["lid_176"], _fundus_text(page), "html_article", site(page))


def _english_articles(shared: Path) -> Iterator[_Document]:
    return (d for d in _html_articles(shared) if d.language == "en" and len(d.text.encode()) >= _SHORTEST)


_SOURCES = (_wikipedia, _ntrex, _masakhanews, _xquad, _english_articles)


def _labels(documents: list[_Document]) -> dict[tuple[str, str], str]:
    """(source, its name of a language) -> label; the script is the one most documents are in."""
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    scripts = script(pa.array([document.text for document in documents], pa.string())).to_pylist()
    for document, written in zip(documents, scripts, strict=True):
        seen[document.source, document.language][written] += 1
    return {key: label(*canonical(key[1], counts.most_common(1)[0][0])) for key, counts in seen.items()}


def site_halves(shared: Path) -> dict[str, str]:
    """The split of every site of the crawled sets, whether its pages have a gold article or not."""
    return halves([site(page) for name in CRAWLED for page in html_index(shared, name)])


def _source_documents(shared: Path, split_of_site: dict[str, str]) -> Iterator[Clean]:
    for source in _SOURCES:
        documents = list(source(shared))
        names = _labels(documents)
        article = source is _english_articles
        split = split_of_site if article else halves([document.group for document in documents])
        for each in documents:
            yield Clean(names[each.source, each.language], each.text.strip(), each.source, split[each.group])


def clean(shared: Path) -> list[Clean]:
    """All clean documents below the folder of shared data, without exact duplicates, always in the same order."""
    if not shared.is_dir():
        raise SystemExit(f"{shared} is missing: the benchmarks need the shared data folder")
    first = {document.text: document for document in reversed(list(_source_documents(shared, site_halves(shared))))}
    return [document for document in reversed(first.values()) if document.text]


def main() -> None:
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for document in clean(DATA):
        rows[document.label][document.source] += 1
        rows[document.label][document.split] += 1
    columns = ("wikipedia", "ntrex", "masakhanews", "xquad", "html_article", *SPLITS)
    print(f"{'label':10}" + "".join(f"{name:>14}" for name in columns))
    for name in sorted(rows):
        print(f"{name:10}" + "".join(f"{rows[name][column] or '':>14}" for column in columns))
    enough = sorted(name for name in rows if rows[name]["calibrate"] >= ENOUGH)
    print(f"{len(rows)} languages; {len(enough)} with {ENOUGH} or more to calibrate: {' '.join(enough)}")


if __name__ == "__main__":
    main()
