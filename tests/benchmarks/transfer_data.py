"""Data for cross-lingual transfer, every transform over real sets: accounts, speed, code-switching, determinism.

`python -m tests.benchmarks.transfer_data` prints one JSON line. No language model takes part: `translate` is a
dictionary that replaces the words it knows one by one, and `answer` gives back the question, so what is written says
nothing of quality; what is dropped says that the checks of language see it. Aligned and native texts need no engine.
`rows`: of each transform [in, written rows, rows a second of CPU time, {reason: dropped}], checks of language included.
`switched`: of each language [share of words asked for, reached, share of the words that the dictionary has at all,
share of the rows that the language check refuses, the same of these rows before they were switched].
`dictionaries`: of each file [share of the lines read, {reason: lines}]. `same_bytes`: whether a second run of the command
wrote the same files, byte for byte, and another seed others.
"""

import gzip
import hashlib
import json
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.instruct.job import Transfer, run
from tests.benchmarks.corpora import DATA
from translate.codeswitch import code_switch, word_ranges
from translate.dictionary import Dictionary, parse
from translate.instruct import LINES, Settings, build, needs, takes, verify_languages
from translate.transforms.records import read_aligned, read_example, read_native
from translate.transforms.rows import Example, Part, Row, Skipped, Source, Text

LANGUAGES = ("hin", "ara", "spa", "swh", "ind", "rus")
EXAMPLES = 400  # of each set of instructions
DOCUMENTS = 150  # of aligned texts
NTREX = {"hin": "hin", "arb": "ara", "spa": "spa", "swa": "swh"}
TURN = [{"question": "What is it?", "answer": "It is what the page says."}]
Sources = list[tuple[Source, Settings]]


def _rows(path: str) -> list[dict[str, Any]]:
    text = gzip.decompress((DATA / path).read_bytes()).decode()
    if path.endswith(".jsonl.gz"):
        return [json.loads(line) for line in text.splitlines() if line]
    return list(json.loads(text))


def _dictionary(pair: str) -> Dictionary:
    with gzip.open(DATA / "parallel" / "freedict" / f"{pair}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return parse(lines, source=pair[:3], target=pair[4:])


def _lines(pair: str) -> int:
    with gzip.open(DATA / "parallel" / "freedict" / f"{pair}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return sum(1 for _ in lines)


# --- what goes in ----------------------------------------------------------------------------------------------------


def _seed_task(task: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": task["instruction"], **task["instances"][0]}


def _examples() -> list[Example]:
    """Alpaca's, the seed tasks of self-instruct, and gsm8k's."""
    seeds = [_seed_task(task) for task in _rows("sft/self_instruct_seed_tasks.jsonl.gz")]
    sets = {"alpaca": _rows("sft/alpaca_en_demo.json.gz"), "seed": seeds, "gsm8k": _rows("sft/gsm8k_1500.jsonl.gz")}
    records = [(f"{name}-{at}", row) for name, rows in sets.items() for at, row in enumerate(rows[:EXAMPLES])]
    read = [read_example(row, id=name, language="eng") for name, row in records]
    return [one for one in read if isinstance(one, Example)]


def _flores(settings: Settings) -> Iterator[tuple[Source, Settings]]:
    """The test sets of English with Nepali and with Sinhala, a document at a time."""
    with tarfile.open(DATA / "parallel" / "flores_v1_en_ne_si.tgz") as archive:

        def lines(name: str) -> list[str]:
            file = archive.extractfile(f"wikipedia_en_ne_si_test_sets/wikipedia.test.{name}")
            assert file is not None
            return file.read().decode().splitlines()

        for code, language in (("ne", "npi"), ("si", "sin")):
            pair = replace(settings, source="eng", target=language)
            documents = defaultdict[str, list[tuple[str, str]]](list)
            for one, *sides in zip(*(lines(f"{code}-en.{end}") for end in ("doc_id", "en", code)), strict=True):
                documents[one].append((sides[0], sides[1]))
            yield from _aligned(documents.items(), pair, "en", code)


def _ntrex(settings: Settings) -> Iterator[tuple[Source, Settings]]:
    texts = defaultdict[str, dict[str, list[str]]](dict)
    for row in _rows("text/ntrex128.jsonl.gz"):
        if row["lang"] in {"eng", *NTREX}:
            texts[row["lang"]][row["doc"]] = row["lines"]
    for name, language in NTREX.items():
        pair = replace(settings, source="eng", target=language)
        both = [
            (doc, list(zip(texts["eng"][doc], lines, strict=True)))
            for doc, lines in list(texts[name].items())[: DOCUMENTS // 4]
            if len(texts["eng"].get(doc, ())) == len(lines)
        ]
        yield from _aligned(both, pair, "eng", language)


def _aligned(
    documents: Iterable[tuple[str, Sequence[tuple[str, str]]]], settings: Settings, one: str, other: str
) -> Iterator[tuple[Source, Settings]]:
    for name, segments in documents:
        record = {"source": [first for first, _ in segments], "target": [second for _, second in segments]}
        read = read_aligned(record, id=f"{other}-{name}", source=settings.source, target=settings.target)
        if not isinstance(read, Skipped):
            yield read, settings


def _native(settings: Settings) -> Iterator[tuple[Source, Settings]]:
    """News in the languages that there are dictionaries for."""
    for row in _rows("text/ntrex128.jsonl.gz"):
        if row["lang"] in NTREX:
            language = NTREX[row["lang"]]
            read = read_native({"text": "\n".join(row["lines"])}, id=f"{language}-{row['doc']}", language=language)
            if not isinstance(read, Skipped):
                yield read, replace(settings, source="eng", target=language)


# --- transforms ------------------------------------------------------------------------------------------------------


def _by_word(dictionary: Dictionary) -> Callable[[Part], str]:
    """Translates what the dictionary knows, word by word; gives back what it is asked, in the form asked for."""
    known: dict[str, str] = {}

    def word(text: str) -> str:
        if text not in known:
            known[text] = next(iter(dictionary.lookup(text)), text)
        return known[text]

    def made(part: Part) -> str:
        if part.form:
            return json.dumps({"turns": TURN} if part.form == "conversation" else {"instruction": part.text[:200]})
        if part.kind == "answer":
            return part.text
        at, pieces = 0, list[str]()
        for start, end in word_ranges(part.text):
            pieces += [part.text[at:start], word(part.text[start:end])]
            at = end
        return "".join([*pieces, part.text[at:]])

    return made


def _transform(name: str, sources: Sources, engine: Callable[[Part], str]) -> list[Any]:
    """[in, written rows, rows a second, why the others were dropped]; what the engine takes is not counted."""
    dropped, written, engine_seconds = Counter[str](), 0, 0.0
    start = time.process_time()
    rows: list[Row | Text] = []
    for source, settings in sources:
        answers: dict[Part, str | None] = {}
        while parts := needs(source, name, settings, answers):
            before = time.process_time()
            answers |= {part: engine(part) for part in parts}
            engine_seconds += time.process_time() - before
        made = build(source, name, settings, answers)
        if isinstance(made, Skipped):
            dropped[made.reason] += 1
        else:
            rows += made
    for problems in verify_languages(rows):
        written += not problems
        if problems:
            dropped[problems[0].kind] += 1
    seconds = time.process_time() - start - engine_seconds
    return [len(sources), written, round(len(sources) / seconds), dict(sorted(dropped.items()))]


def _transforms(dictionary: Dictionary) -> dict[str, list[Any]]:
    settings = Settings(source="eng", target="hin", seed=1, dictionary=dictionary)
    examples: Sources = [(example, settings) for example in _examples()]
    aligned = [*_flores(settings), *_ntrex(settings)]
    native = list(_native(settings))[: 2 * DOCUMENTS]
    hindi = [(source, one) for source, one in native if one.target == "hin_Deva"]
    engine = _by_word(dictionary)
    found: dict[str, list[Any]] = {}
    for name in LINES:
        kinds = takes(name)
        if "example" in kinds:
            found[name] = _transform(name, examples, engine)
        if "aligned" in kinds:
            found[f"{name}/aligned" if "example" in kinds else name] = _transform(name, aligned, engine)
        if "text" in kinds and name not in ("code_switched", "conversation"):
            found[f"{name}/text"] = _transform(name, native, engine)
    backwards = replace(settings, dictionary=dictionary.reversed())
    found["code_switched/text"] = _transform("code_switched", [(source, backwards) for source, _ in hindi], engine)
    english = read_native({"text": "\n".join(_english())}, id="eng", language="eng")
    assert not isinstance(english, Skipped)
    found["conversation/text"] = _transform("conversation", [(english, settings)] * 50, engine)
    return found


def _english() -> list[str]:
    return next(row["lines"] for row in _rows("text/ntrex128.jsonl.gz") if row["lang"] == "eng")


# --- code-switching --------------------------------------------------------------------------------------------------


def _switched(dictionary: Dictionary, examples: list[Example]) -> list[float]:
    settings = Settings(source="eng", target=dictionary.target, seed=1, dictionary=dictionary)
    texts = [each.text for example in examples for each in example.fields if not each.loss]
    made = [code_switch(text, dictionary, share=settings.switch, seed=1, language="eng") for text in texts]
    most = [code_switch(text, dictionary, share=1, seed=1, language="eng") for text in texts]
    words = sum(one.words for one in made)
    rows = [build(example, "code_switched", settings, {}) for example in examples]
    kept = [
        (row, example) for each, example in zip(rows, examples, strict=True) if isinstance(each, list) for row in each
    ]
    before = [Row(example.id, example.id, "none", example.fields) for _, example in kept]
    refused = [sum(map(bool, verify_languages(each))) / len(kept) for each in ([row for row, _ in kept], before)]
    shares = settings.switch, *(sum(len(one.spans) for one in each) / words for each in (made, most)), *refused
    return [round(share, 3) for share in shares]


# --- determinism -----------------------------------------------------------------------------------------------------


def _same_bytes(dictionary: Dictionary) -> dict[str, bool]:
    """Of the command: Alpaca and English news code-switched, Hindi news to complete."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        news = {row["lang"]: row["lines"] for row in _rows("text/ntrex128.jsonl.gz") if row["lang"] in ("eng", "hin")}
        english = [{"text": line} for line in news["eng"]] + _rows("sft/alpaca_en_demo.json.gz")[:300]
        hindi = [{"text": line} for line in news["hin"]]
        for name, rows in (("code_switched", english), ("completion", hindi)):
            (root / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        digests = [_digest(root, str(at), dictionary, seed) for at, seed in enumerate((1, 1, 2))]
    return {"same_seed": digests[0] == digests[1], "other_seed_differs": digests[0] != digests[2]}


def _digest(root: Path, name: str, dictionary: Dictionary, seed: int) -> str:
    settings = Settings(source="eng", target="hin", seed=seed, dictionary=dictionary)
    digest = hashlib.sha256()
    for transform in ("code_switched", "completion"):
        output = root / name / transform
        account = run(
            Transfer((str(root / f"{transform}.jsonl"),), str(output), (transform,), settings, {"seed": seed})
        )
        assert account["written"][transform] > 0
        for file in sorted(output.glob("*/*.parquet")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def main() -> None:
    examples = _examples()
    dictionaries = {language: _dictionary(f"eng-{language}") for language in LANGUAGES}
    read = {
        pair: [round(1 - broken.total() / _lines(pair), 4), dict(broken)]
        for pair, broken in {
            **{f"eng-{language}": one.broken for language, one in dictionaries.items()},
            "swh-eng": _dictionary("swh-eng").broken,
        }.items()
    }
    figures: dict[str, Any] = {"examples": len(examples), "dictionaries": read}
    figures["switched"] = {language: _switched(one, examples) for language, one in dictionaries.items()}
    figures["rows"] = _transforms(dictionaries["hin"])
    figures["same_bytes"] = _same_bytes(dictionaries["hin"])
    print(json.dumps({"benchmark": "transfer_data", **figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
