"""What paths mean, what files hold, and how they are cut."""

import bz2
import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.sources import InputError, InputFile, Record, Split, list_inputs, plan_splits, read
from curate.sources.listing import crawl_base, detect_format

PAGE = "<html><p>ጥንታዊ መንደር</p></html>".encode()
WARC = b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (
    len(PAGE),
    PAGE,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.jsonl",
        "a.jsonl.gz",
        "deep/er/c.parquet",
        "_SUCCESS",
        ".hidden.jsonl",
        "_temporary/0/d.jsonl",
        "deep/.e.crc",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}\n")
    return tmp_path


def listed(*paths: object) -> list[str]:
    return [file.path for file in list_inputs([str(path) for path in paths])]


def test_a_folder_is_read_deep_without_hidden_files(folder: Path) -> None:
    wanted = [str(folder / name) for name in ("a.jsonl.gz", "b.jsonl", "deep/er/c.parquet")]
    assert listed(folder) == wanted
    assert listed(f"{folder}/") == wanted
    assert listed(folder / "**") == wanted
    assert listed(folder / "*", folder / "b.jsonl", folder) == wanted  # once each
    assert listed(folder / "deep" / "**" / "*.parquet") == wanted[2:]
    assert listed(folder / "*.jsonl") == wanted[1:2]
    assert listed(folder / ".hidden.jsonl") == [str(folder / ".hidden.jsonl")]  # named, so wanted
    assert listed(f"file://{folder}/b.jsonl") == wanted[1:2]


def test_formats_and_sizes(folder: Path) -> None:
    assert list_inputs([str(folder / "b.jsonl")]) == [InputFile(path=str(folder / "b.jsonl"), format="jsonl", bytes=3)]
    assert list_inputs([str(folder / "b.jsonl")], format="html")[0].format == "html"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("none.jsonl", "no such file or folder"),
        ("*.xyz", "no file matches"),
        ("deep/er/../*.zip", "no file matches"),
        ("empty", "no file"),
    ],
)
def test_a_path_that_means_nothing(folder: Path, path: str, error: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=error) as caught:
        list_inputs([str(folder), str(folder / path)])
    assert str(folder / path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["nosuch://bucket/x", "memory://nothing/here"])
def test_a_file_system_that_cannot_be_used(path: str) -> None:
    with pytest.raises(InputError, match=path):
        list_inputs([path])


def test_an_unknown_format_lists_the_known() -> None:
    with pytest.raises(InputError, match="unknown format 'docx'; the formats are auto, warc, wet, arc, wat, jsonl"):
        list_inputs(["x"], format="docx")


@pytest.mark.parametrize(
    ("name", "data", "format"),
    [
        ("a.warc", b"", "warc"), ("a.pdf", b"", "pdf"), ("a.tar.gz", b"", "tar"), ("a.zip", b"", "zip"), ("a", b"\n%PDF-1.4", "pdf"),
         ("a.warc.gz", b"", "warc"), ("a.warc.wet.gz", b"", "wet"), ("a.wet", b"", "wet"),
        ("a.warc.wat.gz", b"", "wat"), ("a.arc.gz", b"", "arc"), ("a.ndjson", b"", "jsonl"), ("c4.json.gz", b"", "jsonl"),
        ("a.jsonl.zst", b"", "jsonl"), ("a.PARQUET", b"", "parquet"), ("a.htm", b"", "html"), ("a.xml.bz2", b"", "mediawiki"),
        ("a.warc.txt", WARC, "warc"), ("a.warc.gz.bad", gzip.compress(WARC), "warc"), ("b", b"filedesc://x 1", "arc"),
        ("part-0", b'{"text": 1}', "jsonl"), ("part-1.gz", gzip.compress(b'{ "text": 1}'), "jsonl"),
        ("dump.bz2", bz2.compress(b"<mediawiki xml"), "mediawiki"), ("page", b"\n<!DOCTYPE html>", "html"),
        ("feed", b"<?xml version='1.0'?><rss>", "unknown"), ("a.docx", b"PK\x03\x04", "unknown"), ("empty", b"", "unknown"),
        ("cut.gz", b"\x1f\x8b\x08\x00\x00", "unknown"), ("a.txt", "河边的村庄".encode(), "unknown"),
    ],
)  # fmt: skip
def test_format_from_the_name_or_the_first_bytes(tmp_path: Path, name: str, data: bytes, format: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert detect_format(str(path)) == format
    assert list_inputs([str(tmp_path)])[0].format == format


def test_parquet_without_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["ਪਿੰਡ"]}), tmp_path / "part-0")
    assert detect_format(str(tmp_path / "part-0")) == "parquet"


# --- path lists ----------------------------------------------------------------------------------------------------

NAME = "crawl-data/CC-MAIN-2024-22/segments/1/warc/x.warc.gz"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_path_list_names_files_on_the_server_or_beside_it(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / ("warc.paths.gz" if pack is gzip.compress else "warc.paths")
    path.write_bytes(pack(f"{NAME}\n\n{NAME.replace('x.', 'y.')}\n".encode()))
    beside = tmp_path / NAME
    beside.parent.mkdir(parents=True)
    beside.write_bytes(gzip.compress(WARC))
    files = list_inputs([str(path)])
    assert [file.path for file in files] == [str(beside), "https://data.commoncrawl.org/" + NAME.replace("x.", "y.")]
    assert [file.format for file in files] == ["warc", "warc"]
    [record] = read(plan_splits(files)[0])
    assert isinstance(record, Record)
    assert (record.payload, record.dump, record.file_path) == (PAGE, "CC-MAIN-2024-22", f"s3://commoncrawl/{NAME}")


def test_a_path_list_from_s3_means_s3() -> None:
    assert crawl_base("s3://commoncrawl/crawl-data/CC-MAIN-2024-22/wet.paths.gz") == "s3://commoncrawl/"
    assert (
        crawl_base("https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-22/wet.paths.gz")
        == "https://data.commoncrawl.org/"
    )


@pytest.mark.parametrize("line", ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "a/../../b.warc"])
def test_a_path_list_cannot_point_elsewhere(tmp_path: Path, line: str) -> None:
    path = tmp_path / "warc.paths"
    path.write_text(f"{line}\n")
    with pytest.raises(InputError, match=r"is no path below https://data\.commoncrawl\.org/"):
        list_inputs([str(path)])


@pytest.mark.parametrize("data", [b"", gzip.compress(b"x")[:9]])
def test_an_empty_or_broken_path_list(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wet.paths.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=str(path)):
        list_inputs([str(path)])


# --- other file systems --------------------------------------------------------------------------------------------


def test_remote_folders_globs_and_reading() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/corpus/a.jsonl": '{"text": "ਪਿੰਡ"}\n'.encode(), "/corpus/sub/b.html": PAGE, "/corpus/_SUCCESS": b""})
    assert listed("memory://corpus") == ["memory:///corpus/a.jsonl", "memory:///corpus/sub/b.html"]
    assert listed("memory://corpus/**/*.html") == ["memory:///corpus/sub/b.html"]
    first, second = (item for split in plan_splits(list_inputs(["memory://corpus"])) for item in read(split))
    assert isinstance(first, Record) and isinstance(second, Record)
    assert (first.payload, second.payload) == ("ਪਿੰਡ", PAGE)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    service = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{service.server_port}"
    service.shutdown()
    thread.join()
    service.server_close()


def test_files_over_http(server: str, tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(WARC) * 3)
    [file] = list_inputs([f"{server}/a.warc.gz"])
    assert (file.format, file.path) == ("warc", f"{server}/a.warc.gz")
    items = [item for split in plan_splits([file]) for item in read(split)]
    assert [item.payload for item in items if isinstance(item, Record)] == [PAGE] * 3
    with pytest.raises(InputError, match="no such file"):
        list_inputs([f"{server}/gone.warc.gz"])


def test_plans_are_whole_for_small_unknown_and_uncuttable_files(tmp_path: Path) -> None:
    files = [
        InputFile(path=f"/nowhere/{name}", format=name, bytes=10**9)
        for name in ("warc", "jsonl", "parquet", "mediawiki", "unknown")
    ]
    files.append(InputFile(path="https://data.commoncrawl.org/x.warc.gz", format="warc"))
    assert plan_splits(files) == [Split(file=file.path, format=file.format, bytes=file.bytes) for file in files]
