"""CutoffFilter in datatrove's own pipelines: the same verdicts as the table gives, and one-line errors."""

import gzip
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

pytest.importorskip("datatrove")

from datatrove.data import Document

from filters.signals import measure
from tests.filters import texts
from thresholds.datatrove_filter import CutoffFilter
from thresholds.table import CutoffTable, TableError

TABLE = """
[languages."*"]
rules = [
  { metric = "language_score", operator = "<", cutoff = 0.5 },
  { metric = "non_symbol_words", operator = "<", cutoff = 12 },
  { metric = "duplicate_line_ratio", operator = ">", cutoff = 0.3 },
]
[languages."eng_Latn"]
stopwords = ["the", "is"]
rules = [{ metric = "stopwords", operator = "<", cutoff = 2 }]
"""
TABLE_OF_TESTS = CutoffTable.parse(TABLE)


def documents() -> list[Document]:
    """Each sample twice, the second repeated by lines; the first of all with a low score."""
    found = []
    for label, text in texts.TEXTS.items():
        language, _, script = label.partition("_")
        for n, body in enumerate((text, f"{text}\n" * 4)):
            metadata = {"language": language, "language_script": script, "language_score": 0.9}
            found.append(Document(body, f"{label}-{n}", metadata=metadata))
    found[2].metadata["language_score"] = 0.1
    return found


def expected(given: list[Document]) -> list[list[str]]:
    labels = pa.array([f"{each.metadata['language']}_{each.metadata['language_script']}" for each in given])
    signals = measure(pa.array([each.text for each in given]), labels, stopwords=TABLE_OF_TESTS.stopwords)
    scores = pa.array([each.metadata["language_score"] for each in given])
    return TABLE_OF_TESTS.apply(signals, labels, columns={"language_score": scores}).to_pylist()


def test_verdicts_are_the_table_s() -> None:
    given = documents()
    reasons = expected(given)
    verdicts = CutoffFilter(TABLE_OF_TESTS).filter_batch(given)
    assert verdicts == [(False, why[0]) if why else True for why in reasons]
    assert {why[0] for why in reasons if why} == {
        "language_score_low",
        "non_symbol_words_low",
        "duplicate_line_ratio_high",
    }
    assert any(not why for why in reasons)
    assert [CutoffFilter(TABLE_OF_TESTS).filter(each) for each in given[:4]] == verdicts[:4]


def test_language_in_one_key_or_for_all_documents() -> None:
    text = "the cat is here"
    joined = Document(text, "a", metadata={"language": "eng_Latn"})
    assert CutoffFilter(TABLE_OF_TESTS).filter(joined) is True
    assert CutoffFilter(TABLE_OF_TESTS, language="eng_Latn").filter(Document(text, "b")) is True
    assert CutoffFilter(TABLE_OF_TESTS, language="eng_Latn").filter(Document("a cat", "c")) == (False, "stopwords_low")


def test_annotations() -> None:
    (document,) = [Document("a cat", "a", metadata={"language": "eng_Latn"})]
    CutoffFilter(TABLE_OF_TESTS, annotate=True).filter(document)
    assert document.metadata["signals"]["words"] == 2 and document.metadata["drop_reasons"] == ["stopwords_low"]
    CutoffFilter(TABLE_OF_TESTS).filter(plain := Document("a cat", "a", metadata={"language": "eng_Latn"}))
    assert plain.metadata == {"language": "eng_Latn"}


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "document d7: its metadata have language None and language_script None; must be like hin and Deva"),
        ({"language": "en"}, "language 'en' and language_script None"),
        ({"language": "hin_Deva"}, "document d7: no language_score in its metadata, and a rule for hin_Deva"),
    ],
)
def test_missing_metadata_is_named_in_one_line(metadata: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        CutoffFilter(TABLE_OF_TESTS).filter(Document("text", "d7", metadata=metadata))
    assert "\n" not in str(raised.value)


def test_a_table_that_cannot_be_used_is_an_error_at_once() -> None:
    with pytest.raises(TableError, match="no such file, and no shipped table"):
        CutoffFilter("no-such-table")


def test_survives_pickling(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(TABLE, "utf-8")
    again = pickle.loads(pickle.dumps(CutoffFilter(tmp_path / "t.toml")))  # noqa: S301
    given = documents()
    assert again.filter_batch(given) == CutoffFilter(TABLE_OF_TESTS).filter_batch(given)


def test_datatrove_is_optional() -> None:
    code = (
        "import sys; sys.modules['datatrove'] = None\n"
        "import thresholds.table, filters.signals\n"
        "try: import thresholds.datatrove_filter\n"
        "except ImportError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("CutoffFilter needs datatrove: pip install 'multicurate[datatrove]'")
    assert said.count("\n") == 1


def written(folder: Path) -> dict[str, dict]:
    lines = [line for file in folder.glob("*.jsonl.gz") for line in gzip.decompress(file.read_bytes()).splitlines()]
    return {row["id"]: row for row in map(json.loads, lines)}


@pytest.mark.parametrize("workers", [1, 2])
def test_in_a_local_pipeline(tmp_path: Path, workers: int) -> None:
    pytest.importorskip("orjson")
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    given = documents()
    (tmp_path / "in").mkdir()
    for part in range(2):
        rows = [{"id": each.id, "text": each.text, **each.metadata} for each in given[part::2]]
        (tmp_path / f"in/{part}.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    (tmp_path / "t.toml").write_text(TABLE, "utf-8")
    removed = JsonlWriter(str(tmp_path / "removed"))
    block = CutoffFilter(str(tmp_path / "t.toml"), exclusion_writer=removed, batch_size=16, annotate=True)
    pipeline = [JsonlReader(str(tmp_path / "in")), block, JsonlWriter(str(tmp_path / "out"))]
    LocalPipelineExecutor(pipeline, tasks=2, workers=workers, logging_dir=str(tmp_path / "logs")).run()
    kept, dropped = written(tmp_path / "out"), written(tmp_path / "removed")
    reasons = {each.id: why for each, why in zip(given, expected(given), strict=True)}
    assert kept.keys() == {name for name, why in reasons.items() if not why} and kept
    assert {name: row["metadata"]["filter_reason"] for name, row in dropped.items()} == {
        name: why[0] for name, why in reasons.items() if why
    }
    assert all(row["metadata"]["drop_reasons"] == reasons[name] for name, row in dropped.items())
