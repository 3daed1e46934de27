"""Bad input through the whole job: it costs itself, under a named reason, and the good pages around it are kept."""

import gzip
import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fasttext
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import manifest, recipe, stages
from tests.samples import content

pytestmark = pytest.mark.spark
QUIET = Console(quiet=True)
MIB = 1 << 20
TIMEOUT = 4  # seconds a page
WORKER_BYTES = 1000 * MIB  # resident, of a Python worker; its packages and models are 400 MB of that
PLAIN = "text/plain; charset=utf-8"
# The parser takes quadratic time for the attributes of an element: minutes
HANGS = ("<p " + " ".join(f"a{i}=1" for i in range(200_000)) + ">text</p>").encode()
Rows = list[dict[str, Any]]


def texts() -> dict[str, list[str]]:
    """Sample articles that the universal cutoffs keep, by label."""
    found: dict[str, list[str]] = {}
    for page in content.language_pages():
        found.setdefault(page.label or "", []).append(page.text)
    return found


TEXTS = texts()
THAI, HINDI, RUSSIAN, ARABIC = (TEXTS[label][2] for label in ("tha_Thai", "hin_Deva", "rus_Cyrl", "arb_Arab"))


# --- writing bad input ---------------------------------------------------------------------------------------------


def html(text: str, charset: str = "utf-8") -> bytes:
    paragraphs = "".join(f"<p>{paragraph}</p>\n" for paragraph in text.split("\n"))
    return f"<html><body><article>{paragraphs}</article></body></html>".encode(charset)


def record(
    url: str,
    body: bytes,
    content_type: str = "text/html; charset=utf-8",
    *,
    coding: str | None = None,
    length: int | None = None,
    id: str | None = None,
) -> bytes:
    """A WARC record; `length`: what its header claims."""
    response = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", *([f"Content-Encoding: {coding}"] if coding else [])]
    block = "\r\n".join([*response, "", ""]).encode() + body
    fields = {
        "WARC-Type": "response",
        "WARC-Record-ID": f"<urn:test:{id or url}>",
        "WARC-Target-URI": url,
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": len(block) if length is None else length,
    }
    lines = ["WARC/1.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + block + b"\r\n\r\n"


def member(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def blown_up(start: bytes, spaces: int, end: bytes = b"") -> bytes:
    """A gzip member of `start`, `spaces` MiB of spaces and `end`, a thousand times smaller."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(start)
        for _ in range(spaces):
            file.write(b" " * MIB)
        file.write(end)
    return packed.getvalue()


def good_url(name: str, place: str) -> str:
    return f"https://good.example/{name}/{place}"


def archive(path: Path, label: str, *bad: bytes, pack: Any = member, end: bool = True) -> None:
    """A WARC file with a good page in front of the bad members and one behind."""
    first, last = (
        pack(record(good_url(path.name, place), html(text)))
        for place, text in zip(("before", "after"), TEXTS[label], strict=False)
    )
    path.write_bytes(first + b"".join(bad) + (last if end else b""))


def write_damaged(folder: Path) -> None:
    """Records whose frame is broken."""
    page = record("https://bad.example/page", html(THAI))
    archive(folder / "truncated.warc.gz", "amh_Ethi", member(page)[:-200])
    archive(folder / "cut_off.warc.gz", "ben_Beng", member(page)[:-200], end=False)
    archive(folder / "long_record.warc.gz", "cmn_Hani", member(record("https://bad.example/long", html(HINDI), length=150)))
    behind = record("https://bad.example/behind", html(THAI), length=10 * MIB)
    archive(folder / "behind_the_end.warc", "heb_Hebr", behind, pack=bytes, end=False)
    twins = (record(f"https://twin.example/{n}", html(text), id="twin") for n, text in enumerate((THAI, RUSSIAN)))
    archive(folder / "twins.warc.gz", "eng_Latn", *map(member, twins))


def write_large(folder: Path) -> None:
    """Records that ask for more memory or time than there is."""
    start, end = b"<html><body><p>", b"</p></body></html>"
    header = record("https://bad.example/huge", b"", length=200 * MIB).removesuffix(b"\r\n\r\n")
    archive(folder / "huge.warc.gz", "hin_Deva", blown_up(header + start, 200, end + b"\r\n\r\n"))
    liar = record("https://bad.example/bomb", b"", length=1000).removesuffix(b"\r\n\r\n")
    archive(folder / "bomb_member.warc.gz", "hin_Latn", blown_up(liar, 400))
    coded = record("https://bad.example/coded", blown_up(start, 400, end), coding="gzip")
    archive(folder / "bomb_body.warc.gz", "jpn_Jpan", member(coded))
    line = (THAI.replace("\n", "") * 12_000).encode()[: 12 * MIB]
    lines = [
        record("https://bad.example/line.txt", line.decode("utf-8", "ignore").encode(), PLAIN),
        record("https://bad.example/line.html", start + line.decode("utf-8", "ignore").encode() + end),
    ]
    archive(folder / "line.warc.gz", "khm_Khmr", *map(member, lines))
    archive(folder / "hang.warc.gz", "kor_Hang", member(record("https://bad.example/hang", HANGS)))
    rows = [json.dumps({"id": f"row {n}", "text": text}).encode() for n, text in enumerate((THAI, RUSSIAN))]
    (folder / "line.jsonl").write_bytes(rows[0] + b'\n{"text": "' + b"a " * (25 * MIB) + b'"}\n' + rows[1] + b"\n")


def write_odd(folder: Path) -> None:
    """Pages whose bytes are not what they are said to be."""
    urls = "https://charset.example"
    pages = [
        record(f"{urls}/unknown", html(THAI), "text/html; charset=x-no-such-charset"),
        record(f"{urls}/invalid", html(HINDI).replace(b"<p>", b"<p>\xff\xfe\xc3 ", 1)),
        record(f"{urls}/lie/latin", html(ARABIC), "text/html; charset=iso-8859-1"),
        record(f"{urls}/lie/utf-8", html(RUSSIAN, "windows-1251")),
        record(f"{urls}/nul.html", html(TEXTS["hin_Deva"][3].replace(" ", " \0"))),
        record(f"{urls}/nul.txt", b"one\0two\0\1\2three" * 50, PLAIN),
        record(f"{urls}/empty", b""),
        record(f"{urls}/blank", b"<html><head><title></title></head><body><div> \n </div></body></html>"),
    ]
    archive(folder / "charset.warc.gz", "rus_Cyrl", *map(member, pages))
    odd = ["https://url.example/a b/ü?q= x", "javascript:alert('1')//", "http://[::1/", "https://url.example/../../etc"]
    texts = (TEXTS[label][3] for label in ("tam_Taml", "swh_Latn", "urd_Arab", "yor_Latn"))
    archive(folder / "urls.warc.gz", "ell_Grek", *(member(record(*pair)) for pair in zip(odd, map(html, texts), strict=True)))
    text = TEXTS["amh_Ethi"][3]
    (folder / "surrogates.jsonl").write_text(json.dumps({"id": "\ud800 id", "text": f"{text}\udfff", "url": "\ud83d"}))


def write_unreadable(folder: Path) -> None:
    (folder / "dangling.warc.gz").symlink_to(folder / "nowhere")
    (folder / "folder.warc.gz").mkdir()
    archive(folder / "vanishes.warc.gz", "tha_Thai")
    pq.write_table(pa.table({"body": [THAI], "url": ["https://bad.example/"]}), folder / "no_text.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), folder / "no_rows.parquet")
    for name in ("warc", "warc.gz", "warc.wet.gz", "arc.gz", "jsonl", "jsonl.gz", "parquet", "html", "xml"):
        (folder / f"empty.{name}").write_bytes(b"")


# --- the run -------------------------------------------------------------------------------------------------------


class Run:
    """The rows of a finished run, by the name of the file that they came from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.failed = self._read("failed")
        self.kept, self.dropped = self._read("kept"), self._read("dropped")

    def _read(self, part: str) -> dict[str, Rows]:
        rows: dict[str, Rows] = {}
        for path in sorted((self.root / part).glob("**/*.parquet")):
            for row in pq.ParquetFile(path).read().to_pylist():
                rows.setdefault(Path(row["file"] if part == "failed" else row["source"]["file"]).name, []).append(row)
        return rows

    def failure(self, file: str) -> tuple[str, str]:
        """Reason and error of the only failure of a file, whose error must be a line."""
        [row] = self.failed[file]
        assert row["error"] and "\n" not in row["error"]
        return row["reason"], row["error"]

    def page(self, url: str) -> dict[str, Any]:
        [row] = [row for rows in self.kept.values() for row in rows if row["url"] == url]
        return row

    def reason(self, url: str) -> str:
        [row] = [row for rows in self.dropped.values() for row in rows if row["url"] == url]
        return row["reason"]


def settings(source: Path, output: Path, *more: str) -> recipe.Recipe:
    return recipe.load("web", input=[str(source)], output=str(output), settings=["dedup.enabled=false", *more])


def has_text(row: dict[str, Any], text: str) -> bool:
    return all(paragraph in row["text"] for paragraph in text.split("\n"))


def workers() -> Iterator[Path]:
    """/proc of the Python processes below us that Spark started."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        if b"pyspark" in (status.parent / "cmdline").read_bytes() and is_ours(int(status.parent.name)):
            yield status.parent


def is_ours(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == os.getpid()


def peak_bytes(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


@pytest.fixture(scope="module")
def run(spark, tmp_path_factory) -> Run:
    folder, output = tmp_path_factory.mktemp("bad"), tmp_path_factory.mktemp("run") / "run"
    for write in (write_damaged, write_large, write_odd, write_unreadable):
        write(folder)
    make = stages.planning.make

    def make_and_lose(recipe: recipe.Recipe) -> Any:
        plan = make(recipe)
        (folder / "vanishes.warc.gz").unlink()
        return plan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages.planning, "make", make_and_lose)
        stages.run(settings(folder, output, f"extract.timeout_seconds={TIMEOUT}"), QUIET)
    return Run(output)
