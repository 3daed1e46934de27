"""Labelled text for language identification: files -> documents, and which of them are held out.

Romanized classes are labels like any other. The known sets hold text that people romanized (Dakshina, Hinglish-TOP);
text that a program romanized comes as JSONL labelled hin_Latn, for a language or scheme that no human set has.
"""

import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from filters.columns import label
from filters.labels import canonical
from filters.scripts import script

HELD_OUT_ONE_IN = 5
TEXT, LANGUAGE_FIELDS, OTHER_FIELDS = "text", ("language", "lang"), ("language_script", "id")
Row = dict[str, Any]
Raw = tuple[str, str, list[str]]  # label as the set spells it, key, paragraphs


@dataclass(frozen=True, slots=True)
class Document:
    """One labelled text. `key` names it within its set, the same for its translations, and decides its side."""

    label: str  # hin_Deva; begins with und where the set's own label names no language
    key: str
    paragraphs: tuple[str, ...]
    named: str = field(default="", compare=False)  # the label as the set spells it


def held_out(key: str) -> bool:
    """Whether the document is for evaluation only: one in five, by a hash of its key.

    The Universal Declaration (udhr/) is one text in every language, so it measures nothing and is all for training.
    """
    return not key.startswith("udhr/") and xxhash.xxh3_64_intdigest(key.encode()) % HELD_OUT_ONE_IN == 0


def for_calibration(key: str) -> bool:
    """Whether a held-out document is for fitting calibrations and cuts: every other one. Those are judged on the rest."""
    return xxhash.xxh3_64_intdigest(key.encode(), seed=1) % 2 == 0


def _lines(path: Path) -> Iterator[Row]:
    with fsspec.open(str(path), "rt", encoding="utf-8", compression="infer") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path} line {number}: not JSON: {error}") from error


def _ntrex(path: Path) -> Iterator[Raw]:
    for row in _lines(path):
        named = "shi_Arab" if row["lang"] == "shi" else row["lang"]  # not in its usual script
        yield named, f"ntrex/{row['doc']}", row["lines"]


def _news(path: Path) -> Iterator[Raw]:
    for i, row in enumerate(_lines(path)):
        yield row["lang"], f"news/{i}", [row["headline"], *row["text"].split("\n")]


def _xquad(path: Path) -> Iterator[Raw]:
    for i, row in enumerate(_lines(path)):
        yield row["lang"], f"xquad/{row['article']}-{i}", row["paragraphs"]


def _wikipedia(path: Path) -> Iterator[Raw]:
    for row in _lines(path):
        yield row["lang"], f"wiki/{row['page_id']}", row["text"].split("\n")


def _udhr(path: Path) -> Iterator[Raw]:
    for row in _lines(path):
        if row["iso639_3"] != "und":
            yield f"{row['iso639_3']}_{row['script']}", f"udhr/{row['key']}", row["paras"]


def _bible(path: Path) -> Iterator[Raw]:
    for row in _lines(path):
        yield row["iso639_3"], f"bible/{row['chapter']}", row["verses"]


def _lingua(path: Path) -> Iterator[Raw]:
    for i, row in enumerate(_lines(path)):
        if row["kind"] == "sentences":
            yield row["lang"], f"lingua/{i}", [row["text"]]


_TREEBANK_LANGUAGES = {"Bhojpuri": "bho", "Marathi": "mar", "Sanskrit": "san"}


def _treebanks(path: Path) -> Iterator[Raw]:
    for i, row in enumerate(_lines(path)):
        name = row["treebank"].removeprefix("UD_").split("-")[0]
        if name in _TREEBANK_LANGUAGES:
            yield _TREEBANK_LANGUAGES[name], f"ud/{i}", [row["text"]]


def _dakshina(path: Path) -> Iterator[Raw]:
    """A page's sentences twice: in the native script, under the page's own key, and as people romanize them."""
    pages: dict[tuple[str, str], list[Row]] = {}
    for row in _lines(path):
        pages.setdefault((row["lang"], row["page_id"]), []).append(row)
    for (language, page), rows in pages.items():
        yield language, f"wiki/{page}", [row["native"] for row in rows]
        yield f"{language}-Latn", f"roman/{page}", [row["roman"] for row in rows]


def _hinglish(path: Path) -> Iterator[Raw]:
    for i, row in enumerate(_lines(path)):
        yield "hin_Latn", f"hinglish/{i}", [row["hinglish"]]


def _flores_v1(path: Path) -> Iterator[Raw]:
    with tarfile.open(path) as archive:
        for member in sorted(archive.getnames()):
            language = member.rsplit(".", 1)[-1]
            stored = archive.extractfile(member) if language in ("ne", "si") else None
            for i, line in enumerate(stored or ()):
                yield language, f"flores/{i}", [line.decode()]


def _needs(path: Path, present: Iterable[str], row: int | None = None) -> ValueError:
    where = path if row is None else f"{path} row {row}"
    wanted = f"`{TEXT}` and `{'` or `'.join(LANGUAGE_FIELDS)}` (and, if there are, `{'`, `'.join(OTHER_FIELDS)}`)"
    return ValueError(f"{where}: needs the columns {wanted}; it has {', '.join(present) or 'none'}")


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not Parquet: {str(error).splitlines()[0]}") from error
    names = file.schema_arrow.names
    if TEXT not in names or not set(LANGUAGE_FIELDS) & set(names):
        raise _needs(path, names)
    wanted = [name for name in (TEXT, *LANGUAGE_FIELDS, *OTHER_FIELDS) if name in names]
    for batch in file.iter_batches(columns=wanted):
        yield from batch.to_pylist()


def _table(path: Path) -> Iterator[Raw]:
    """Any JSONL or Parquet with `text` and `language` or `lang`; a shard's `language_script` and `id` are used too."""
    for i, row in enumerate(_parquet_rows(path) if path.suffix == ".parquet" else _lines(path)):
        if not isinstance(row, dict):
            raise ValueError(f"{path} row {i}: not an object with the columns `{TEXT}` and `{LANGUAGE_FIELDS[0]}`")
        language = next((row[name] for name in LANGUAGE_FIELDS if row.get(name)), None)
        if not isinstance(row.get(TEXT), str) or not isinstance(language, str):
            raise _needs(path, row, i)
        named = "_".join(filter(None, (language, row.get("language_script"))))
        yield named, str(row.get("id") or f"{path.name}/{i}"), row[TEXT].split("\n")


KNOWN_SETS: dict[str, Callable[[Path], Iterator[Raw]]] = {
    "ntrex128": _ntrex,
    "masakhanews": _news,
    "xquad_contexts": _xquad,
    "wikipedia": _wikipedia,
    "udhr": _udhr,
    "bible_mark_john": _bible,
    "lingua_testdata": _lingua,
    "ud_sentences": _treebanks,
    "dakshina_sentences": _dakshina,
    "hinglish_top_human": _hinglish,
    "flores_v1_en_ne_si": _flores_v1,
}


def _written(paragraphs: tuple[str, ...]) -> str:
    """ISO 15924 of the script that the text is in."""
    return str(script(pa.array(["\n".join(paragraphs)]))[0])


def contradicted(document: Document) -> bool:
    """Whether most letters are in another script than the label says: an English page in a Punjabi set, say."""
    return _written(document.paragraphs) != document.label.partition("_")[2]


def read(path: Path) -> Iterator[Document]:
    """The documents of a file: one of `KNOWN_SETS`, by name, or else any JSONL(.gz) or Parquet with labels."""
    name = path.name.split(".")[0]
    known = KNOWN_SETS.get("wikipedia" if name.startswith("wikipedia_") else name)
    for named, key, paragraphs in (known or _table)(path):
        kept = tuple(filter(None, map(str.strip, paragraphs)))
        yield Document(label(*canonical(named, None if known else _written(kept))), key, kept, named)


def read_all(inputs: list[str]) -> Iterator[Document]:
    """The documents of paths and glob patterns, in sorted order. Raises FileNotFoundError if one matches nothing."""
    for pattern in inputs:
        anchor = Path(pattern).anchor
        paths = sorted(Path(anchor or ".").glob(pattern.removeprefix(anchor)))
        if not paths:
            raise FileNotFoundError(f"no input at {pattern}")
        for path in paths:
            yield from read(path)


def held_out_of(inputs: list[str]) -> Iterator[Document]:
    """The held-out documents of paths and glob patterns."""
    return (document for document in read_all(inputs) if held_out(document.key))
