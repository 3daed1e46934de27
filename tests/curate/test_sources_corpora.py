"""JSON lines, Parquet and saved pages as records."""

import bz2
import datetime
import gzip
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate.sources import Failure, InputError, InputFile, Item, Record, Split, plan_splits, read

TEXTS = ["नदी के किनारे गाँव", "หมู่บ้านริมแม่น้ำ", "قرية على ضفة النهر", "河边的村庄", "강가의 마을", "ጥንታዊ መንደር", "ភូមិចាស់"]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "jsonl": bytes,
    "jsonl.gz": gzip.compress,
    "json.bz2": bz2.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


def lines(rows: list[dict[str, object]], *, ascii: bool = False) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=ascii).encode() + b"\n" for row in rows)


def read_jsonl(path: Path, data: bytes, limit_bytes: int = 1 << 24) -> list[Item]:
    path.write_bytes(data)
    return list(read(Split(file=str(path), format="jsonl"), limit_bytes=limit_bytes))


def in_splits(path: Path, format: str, target: int) -> list[Item]:
    file = InputFile(path=str(path), format=format, bytes=path.stat().st_size)
    splits = plan_splits([file], target)
    assert len(splits) > 1
    return [item for split in splits for item in read(split)]


@pytest.mark.parametrize("name", PACKERS)
def test_jsonl_plain_and_compressed(tmp_path: Path, name: str) -> None:
    data = lines([{"text": text, "id": index} for index, text in enumerate(TEXTS)])
    items = read_jsonl(tmp_path / f"a.{name}", PACKERS[name](data))
    assert [(item.payload, item.id) for item in items if isinstance(item, Record)] == [
        (t, str(i)) for i, t in enumerate(TEXTS)
    ]
    assert [item.offset for item in items][:2] == [0, data.index(b"\n") + 1]


@pytest.mark.parametrize(
    ("row", "url", "date", "dump", "file_path"),
    [
        ({"url": "https://a", "date": "2024-05-01", "dump": "CC-MAIN-2024-22", "file_path": "s3://x"}, "https://a", "2024-05-01", "CC-MAIN-2024-22", "s3://x"),
        ({"metadata": {"url": "https://a", "date": "2024", "dump": "d", "file_path": "f"}}, "https://a", "2024", "d", "f"),
        ({"source": "c4", "added": "2023", "created": "2019", "metadata": {"url": "https://a"}}, "https://a", "2019", "c4", None),
        ({"timestamp": "2019-04-25T12:57:54Z", "url": "https://a", "metadata": "none"}, "https://a", "2019-04-25T12:57:54Z", None, None),
        ({"url": None, "date": 2020, "dump": True, "file_path": ["x"]}, None, "2020", None, None),
    ],
)  # fmt: skip
def test_names_of_datatrove_dolma_and_c4(
    tmp_path: Path, row: dict[str, object], url: str | None, date: str | None, dump: str | None, file_path: str | None
) -> None:
    [item] = read_jsonl(tmp_path / "a.jsonl", lines([{"text": "ਪਿੰਡ", "id": "1", **row}]))
    assert isinstance(item, Record)
    assert (item.url, item.date, item.dump, item.file_path) == (url, date, dump, file_path)


@pytest.mark.parametrize(
    ("line", "reason", "error"),
    [
        (b'{"text": ', "malformed", "not JSON"),
        (b'{"text": "\xff\xfe"}', "malformed", "not UTF-8 at byte 10"),
        (b'["text"]', "malformed", "holds a list"),
        (b'{"id": "x"}', "malformed", "text is missing"),
        (b'{"text": null}', "malformed", "text is NoneType"),
        (b'{"text": 5, "url": "https://a"}', "malformed", "text is int"),
        (b"[" * 100_000, "malformed", "not JSON"),
        (b'{"text": "x", "n": ' + b"1" * 6000 + b"}", "malformed", "not JSON"),
        (b'{"text": "' + b"x" * 20_001 + b'"}', "too_large", "over 20000 bytes"),
        (b'{"text": "' + "ក".encode() * 7000 + b'"}', "too_large", "over 20000 bytes"),
        (b'{"x": "' + b"x" * 3_000_000 + b'"}', "too_large", "a line of 3000010 bytes"),
    ],
)
def test_a_bad_line_is_one_failure(tmp_path: Path, line: bytes, reason: str, error: str) -> None:
    good = lines([{"text": "ਪਿੰਡ"}])
    first, failure, last = read_jsonl(tmp_path / "a.jsonl", good + line + b"\n\n" + good, limit_bytes=20_000)
    assert isinstance(first, Record) and isinstance(last, Record)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.offset) == (reason, len(good))
    assert error in failure.error and len(failure.error) < 400
    assert last.offset == len(good) + len(line) + 2


def test_text_that_is_odd_but_text(tmp_path: Path) -> None:
    data = '\ufeff{"text": "a\\u0000b \\ud800 \\ud83d\\ude00"}\n{"text": " "}\r\n{"text": "no line end"}'.encode()
    first, blank, last = read_jsonl(tmp_path / "a.jsonl", data)
    assert isinstance(first, Record) and isinstance(blank, Record) and isinstance(last, Record)
    assert first.payload == "a\x00b \ufffd 😀"
    assert (blank.drop_reason, last.payload) == ("empty", "no line end")


@pytest.mark.parametrize("name", ["jsonl.gz", "json.bz2", "zst"])
def test_cut_off_or_damaged_compression_keeps_what_came_before(tmp_path: Path, name: str) -> None:
    chance = random.Random(1)
    packed = PACKERS[name](lines([{"text": f"{text} {chance.random()}"} for text in TEXTS * 5000]))
    middle = len(packed) // 2
    for data in (packed[: middle * 2 - 100], packed[:middle] + bytes(200) + packed[middle + 200 :]):
        *items, failure = read_jsonl(tmp_path / f"a.{name}", data)
        assert isinstance(failure, Failure)
        assert failure.reason in ("truncated", "malformed")
        assert sum(isinstance(item, Record) for item in items) > 1000


def test_a_bomb_of_one_line_stays_small_in_memory(tmp_path: Path) -> None:
    data = gzip.compress(b'{"text": "' + bytes(60 << 20) + b'"}\n{"text": "x"}\n', 1)
    tracemalloc.start()
    failure, item = read_jsonl(tmp_path / "a.jsonl.gz", data, limit_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(failure, Failure) and failure.reason == "too_large"
    assert isinstance(item, Record) and peak < 24 << 20


@pytest.mark.parametrize("target", [7, 40, 100, 501])
def test_jsonl_in_splits_of_any_size(tmp_path: Path, target: int) -> None:
    path = tmp_path / "a.jsonl"
    whole = read_jsonl(
        path,
        lines([{"text": text * (n % 4)} for n, text in enumerate(TEXTS * 3)]) + b"\n\nbad\n" + lines([{"text": "x"}]),
    )
    assert len(whole) == 23
    assert in_splits(path, "jsonl", target) == whole


def test_compressed_jsonl_is_one_split(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"  # the name lies
    path.write_bytes(gzip.compress(lines([{"text": text} for text in TEXTS])))
    assert len(plan_splits([InputFile(path=str(path), format="jsonl", bytes=path.stat().st_size)], 10)) == 1


# --- Parquet -------------------------------------------------------------------------------------------------------


def write_parquet(path: Path, columns: dict[str, object], row_group_size: int = 4) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def read_parquet(path: Path, limit_bytes: int = 1 << 24) -> list[Item]:
    return list(read(Split(file=str(path), format="parquet"), limit_bytes=limit_bytes))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_columns_and_offsets(tmp_path: Path, kind: pa.DataType) -> None:
    moment = datetime.datetime(2024, 5, 1, 12)
    columns = {
        "text": pa.array(TEXTS).cast(kind),
        "id": [f"<urn:uuid:{n}>" for n in range(7)],
        "dump": ["CC-MAIN-2024-22"] * 7,
        "url": [f"https://village.example/{n}" for n in range(7)],
        "date": pa.array([moment] * 7, pa.timestamp("us")),
        "file_path": ["s3://commoncrawl/x"] * 7,
        "language_score": [0.5] * 7,
    }
    path = write_parquet(tmp_path / "a.parquet", columns)
    items = read_parquet(path)
    assert [item.payload for item in items if isinstance(item, Record)] == TEXTS
    assert [item.offset for item in items] == list(range(7))
    last = items[-1]
    assert isinstance(last, Record)
    assert (last.id, last.dump, last.url) == ("<urn:uuid:6>", "CC-MAIN-2024-22", "https://village.example/6")
    assert (last.date, last.file_path) == ("2024-05-01T12:00:00", "s3://commoncrawl/x")


def test_parquet_metadata_and_bad_rows(tmp_path: Path) -> None:
    not_utf8 = pa.array([b"ok", b"\xff\xfe", b"x" * 200, b" "], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 4, not_utf8.buffers())
    columns = {
        "text": text,
        "metadata": [{"url": "https://a", "other": 1}, None, {"url": "https://c", "other": 3}, None],
    }
    first, bad, large, blank = read_parquet(write_parquet(tmp_path / "a.parquet", columns), limit_bytes=100)
    assert isinstance(first, Record) and (first.payload, first.url) == ("ok", "https://a")
    assert isinstance(bad, Failure) and (bad.reason, bad.offset) == ("malformed", 1) and "not UTF-8" in bad.error
    assert isinstance(large, Failure) and (large.reason, large.url) == ("too_large", "https://c")
    assert isinstance(blank, Record) and blank.drop_reason == "empty"


def test_parquet_null_text(tmp_path: Path) -> None:
    [failure] = read_parquet(write_parquet(tmp_path / "a.parquet", {"text": pa.array([None], pa.string())}))
    assert isinstance(failure, Failure) and "text is NoneType" in failure.error


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        ({"content": ["x"], "url": ["y"]}, "no column text; the columns are content, url"),
        ({"text": [1]}, "the column text is int64"),
    ],
)
def test_parquet_without_text(tmp_path: Path, columns: dict[str, object], error: str) -> None:
    path = write_parquet(tmp_path / "a.parquet", columns)
    [failure] = read_parquet(path)
    assert isinstance(failure, Failure) and failure.error.startswith(error)
    assert len(plan_splits([InputFile(path=str(path), format="parquet", bytes=path.stat().st_size)], 1)) == 1


def test_damaged_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": [text * 50 for text in TEXTS]}, row_group_size=1)
    data = bytearray(path.read_bytes())
    data[40:90] = bytes(50)
    path.write_bytes(data)
    items = read_parquet(path)
    assert [item.offset for item in items] == list(range(7))
    assert [type(item) for item in items] == [Failure] + [Record] * 6
    path.write_bytes(bytes(data[:-9]))
    [failure] = read_parquet(path)
    assert isinstance(failure, Failure) and failure.error.startswith("not a Parquet file")


@pytest.mark.parametrize("target", [1, 300, 700])
def test_parquet_in_splits_of_any_size(tmp_path: Path, target: int) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", {"text": TEXTS * 5, "id": [str(n) for n in range(35)]}, row_group_size=3
    )
    whole = read_parquet(path)
    assert len(whole) == 35
    assert in_splits(path, "parquet", target) == whole


# --- pages and everything else -------------------------------------------------------------------------------------


def test_a_page_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes("<html><p>河边的村庄".encode("gb18030"))
    [page] = read(Split(file=str(path), format="html"))
    assert page == Record(offset=0, payload=path.read_bytes(), content_type="text/html")
    [failure] = read(Split(file=str(path), format="html"), limit_bytes=10)
    assert isinstance(failure, Failure) and failure.reason == "too_large"
    path.write_bytes(b"\n")
    [page] = read(Split(file=str(path), format="html"))
    assert isinstance(page, Record) and page.drop_reason == "empty"


@pytest.mark.parametrize("format", ["warc", "arc", "jsonl", "parquet", "html", "mediawiki", "unknown"])
def test_a_vanished_file_is_one_failure(tmp_path: Path, format: str) -> None:
    [failure] = read(Split(file=str(tmp_path / "gone"), format=format))
    assert isinstance(failure, Failure)
    assert failure.reason == "unreadable" and "gone" in failure.error and "\n" not in failure.error


def test_wat_and_unknown_say_what_would_be_right(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(b"?")
    [wat] = read(Split(file=str(path), format="wat"))
    [unknown] = read(Split(file=str(path), format="unknown"))
    assert isinstance(wat, Failure) and isinstance(unknown, Failure)
    assert "WARC or WET" in wat.error
    assert "warc, wet, arc, jsonl, parquet, html, mediawiki" in unknown.error
    with pytest.raises(InputError, match="unknown format 'docx'; the formats are warc"):
        read(Split(file=str(path), format="docx"))
