"""The Spark data source, on a small local spark."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from curate.sources import InputError
from curate.sources.datasource import WarcReader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGES = ["नदी का गाँव", "หมู่บ้าน", "قرية", "河边的村庄", "강가의 마을", "መንደር", "ភូមិ"]


def response(number: int, body: str) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>" + body.encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Target-URI: https://x.example/{number}\r\n"
        f"WARC-Date: 2024-05-01T00:00:00Z\r\nContent-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + block + b"\r\n\r\n")


def write(path: Path) -> None:
    path.write_bytes(
        b"".join(response(n, page) for n, page in enumerate(PAGES * 3))
        + gzip.compress(b"WARC/1.0\r\nno length\r\n\r\n")
    )


@pytest.mark.spark
def test_pages_failures_and_partitions(spark: "SparkSession", tmp_path: Path) -> None:
    from curate.sources.datasource import WarcDataSource

    write(tmp_path / "a.warc.gz")
    spark.dataSource.register(WarcDataSource)
    frame = spark.read.format("warc").option("targetBytes", 1500).load(str(tmp_path))
    assert (
        frame.rdd.getNumPartitions() == len(WarcReader({"path": str(tmp_path), "targetbytes": "1500"}).partitions()) > 2
    )
    rows = frame.collect()
    good = sorted((row for row in rows if row.error is None), key=lambda row: row.offset)
    assert [bytes(row.payload).decode() for row in good] == [f"<html>{page}" for page in PAGES * 3]
    assert (good[1].id, good[1].url, good[1].date) == ("urn:uuid:1", "https://x.example/1", "2024-05-01T00:00:00Z")
    assert {row.file for row in rows} == {str(tmp_path / "a.warc.gz")}
    [bad] = [row for row in rows if row.error]
    assert bad.error.startswith("malformed: Content-Length") and bad.payload is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "no path"),
        ({"path": "x", "limitBytes": "16M"}, "limitBytes is '16M'; it must be a whole number"),
        ({"path": "x", "targetbytes": "0"}, "targetBytes is '0'"),
    ],
)
def test_bad_options(options: dict[str, str], error: str) -> None:
    with pytest.raises(InputError, match=error):
        WarcReader(options)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(InputError, match="of format jsonl; this source reads arc, warc, wet"):
        WarcReader({"path": str(tmp_path)}).partitions()
