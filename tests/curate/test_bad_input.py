"""Bad input through the whole job: it costs itself, under a named reason, and the good pages around it are kept."""

import gzip
import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
WORKER = b"pyspark.daemon"  # in the command line of a Python worker
WORKER_BYTES = 1000 * MIB  # resident, of a Python worker; its packages and models are 400 MB of that
PLAIN = "text/plain; charset=utf-8"
# The language of the good pages in each archive
LABELS = {
    "truncated.warc.gz": "amh_Ethi",
    "cut_off.warc.gz": "ben_Beng",
    "long_record.warc.gz": "cmn_Hani",
    "behind_the_end.warc": "heb_Hebr",
    "twins.warc.gz": "eng_Latn",
    "huge.warc.gz": "hin_Deva",
    "bomb_member.warc.gz": "hin_Latn",
    "bomb_body.warc.gz": "jpn_Jpan",
    "line.warc.gz": "khm_Khmr",
    "hang.warc.gz": "kor_Hang",
    "charset.warc.gz": "rus_Cyrl",
    "urls.warc.gz": "ell_Grek",
}
ENDLESS = {"cut_off.warc.gz", "behind_the_end.warc"}  # they end with the bad record
# The parser takes quadratic time for the attributes of an element: minutes
HANGS = ("<p " + " ".join(f"a{i}=1" for i in range(200_000)) + ">text</p>").encode()
ODD_URLS = (
    "https://url.example/a b/ü?q= x",
    "javascript:alert('1')//",
    "http://[::1/",
    "https://url.example/../../etc",
)
ODD_LABELS = ("tam_Taml", "swh_Latn", "urd_Arab", "yor_Latn")
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
    response = [
        "HTTP/1.1 200 OK",
        f"Content-Type: {content_type}",
        *([f"Content-Encoding: {coding}"] if coding else []),
    ]
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


HTTP_BYTES = len(record("", b"").partition(b"\r\n\r\n")[2]) - 4  # of the headers that a server sends


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


def archive(path: Path, *bad: bytes, pack: Callable[[bytes], bytes] = member) -> None:
    """A WARC file with a good page in front of the bad members and, unless it is endless, one behind."""
    label = LABELS.get(path.name, "tha_Thai")
    first, last = (
        pack(record(good_url(path.name, place), html(text)))
        for place, text in zip(("before", "after"), TEXTS[label], strict=False)
    )
    path.write_bytes(first + b"".join(bad) + (b"" if path.name in ENDLESS else last))


def write_damaged(folder: Path) -> None:
    """Records whose frame is broken."""
    page = record("https://bad.example/page", html(THAI))
    archive(folder / "truncated.warc.gz", member(page)[:-200])
    archive(folder / "cut_off.warc.gz", member(page)[:-200])
    archive(folder / "long_record.warc.gz", member(record("https://bad.example/long", html(HINDI), length=150)))
    behind = record("https://bad.example/behind", html(THAI), length=10 * MIB)
    archive(folder / "behind_the_end.warc", behind, pack=bytes)
    twins = (record(f"https://twin.example/{n}", html(text), id="twin") for n, text in enumerate((THAI, RUSSIAN)))
    archive(folder / "twins.warc.gz", *map(member, twins))


def write_large(folder: Path) -> None:
    """Records that ask for more memory or time than there is."""
    start, end = b"<html><body><p>", b"</p></body></html>"
    huge = record("https://bad.example/huge", start, length=HTTP_BYTES + len(start) + 200 * MIB + len(end))
    archive(folder / "huge.warc.gz", blown_up(huge.removesuffix(b"\r\n\r\n"), 200, end + b"\r\n\r\n"))
    archive(folder / "bomb_member.warc.gz", blown_up(record("https://bad.example/bomb", start, length=99), 400))
    coded = record("https://bad.example/coded", blown_up(start, 400, end), coding="gzip")
    archive(folder / "bomb_body.warc.gz", member(coded))
    line = (THAI.replace("\n", "") * 12_000).encode()[: 12 * MIB]
    lines = [
        record("https://bad.example/line.txt", line.decode("utf-8", "ignore").encode(), PLAIN),
        record("https://bad.example/line.html", start + line.decode("utf-8", "ignore").encode() + end),
    ]
    archive(folder / "line.warc.gz", *map(member, lines))
    archive(folder / "hang.warc.gz", member(record("https://bad.example/hang", HANGS)))
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
    archive(folder / "charset.warc.gz", *map(member, pages))
    odd = zip(ODD_URLS, (html(TEXTS[label][3]) for label in ODD_LABELS), strict=True)
    archive(folder / "urls.warc.gz", *(member(record(url, body)) for url, body in odd))
    text = TEXTS["amh_Ethi"][3]
    (folder / "surrogates.jsonl").write_text(json.dumps({"id": "\ud800 id", "text": f"{text}\udfff", "url": "\ud83d"}))


def write_unreadable(folder: Path) -> None:
    (folder / "dangling.warc.gz").symlink_to(folder / "nowhere")
    (folder / "folder.warc.gz").mkdir()
    archive(folder / "vanishes.warc.gz")
    pq.write_table(pa.table({"body": [THAI], "url": ["https://bad.example/"]}), folder / "no_text.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), folder / "no_rows.parquet")
    for name in ("warc", "warc.gz", "warc.wet.gz", "arc.gz", "jsonl", "jsonl.gz", "parquet", "html", "xml"):
        (folder / f"empty.{name}").write_bytes(b"")


# --- the run -------------------------------------------------------------------------------------------------------


class Run:
    """The rows of a finished run, by the name of the file that they came from."""

    def __init__(self, root: Path, peak: int = 0) -> None:
        self.root, self.peak = root, peak  # resident bytes of the largest worker
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


def ours(word: bytes) -> Iterator[Path]:
    """/proc of the processes below this one whose command line holds `word`."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if word in (process / "cmdline").read_bytes() and is_below(int(process.name)):
                yield process


def is_below(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def peak_bytes(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def seconds(process: Path) -> float:
    """CPU time that a process has used."""
    return int((process / "stat").read_text().rpartition(")")[2].split()[11]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def meanwhile(word: bytes, act: Callable[[Path], None]) -> Iterator[None]:
    """Five times a second, `act` on each of our processes whose command line holds `word`."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.2):
            for process in ours(word):
                with suppress(OSError):
                    act(process)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def run(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, output = tmp_path_factory.mktemp("bad"), tmp_path_factory.mktemp("run") / "run"
    for write in (write_damaged, write_large, write_odd, write_unreadable):
        write(folder)
    make = stages.planning.make

    def make_and_lose(recipe: recipe.Recipe) -> Any:
        plan = make(recipe)
        (folder / "vanishes.warc.gz").unlink()
        return plan

    for process in ours(WORKER):
        (process / "clear_refs").write_text("5")  # other tests' peaks
    peaks: dict[str, int] = {}

    def note(process: Path) -> None:
        peaks[process.name] = peak_bytes(process)

    with pytest.MonkeyPatch.context() as patch, meanwhile(WORKER, note):
        patch.setattr(stages.planning, "make", make_and_lose)
        stages.run(settings(folder, output, f"extract.timeout_seconds={TIMEOUT}"), QUIET)
    return Run(output, max(peaks.values()))


# --- what became of it ---------------------------------------------------------------------------------------------


def test_every_record_is_accounted_for(run: Run) -> None:
    checks = manifest.verify(str(run.root))
    assert [check.what for check in checks if not check.ok] == [] and len(checks) >= 8


def test_the_good_pages_are_kept_whole(run: Run) -> None:
    pages = {row["url"]: row for rows in run.kept.values() for row in rows if "good.example" in (row["url"] or "")}
    for name, label in LABELS.items():
        places = ("before",) if name in ENDLESS else ("before", "after")
        for place, text in zip(places, TEXTS[label], strict=False):
            assert has_text(pages[good_url(name, place)], text), (name, place)


def test_a_broken_frame_costs_its_record(run: Run) -> None:
    assert run.failure("truncated.warc.gz")[0] == "malformed"
    assert run.failure("truncated.warc.gz")[1].endswith("went on at the next record")
    assert run.failure("cut_off.warc.gz") == ("truncated", "the gzip member is cut off; went on at the next record")
    reason, error = run.failure("behind_the_end.warc")
    assert reason == "truncated" and "declared length of 10485760 bytes" in error


def test_a_record_longer_than_its_content_length_is_read_to_its_end(run: Run) -> None:
    assert has_text(run.page("https://bad.example/long"), HINDI)
    assert "long_record.warc.gz" not in run.failed


def test_large_pages_and_bombs_are_too_large_in_bounded_memory(run: Run) -> None:
    reason, error = run.failure("huge.warc.gz")
    assert reason == "too_large" and error.endswith("at most 16777216 are read")
    assert run.failure("bomb_body.warc.gz") == ("too_large", "the body decodes to more than 16777216 bytes")
    reason, error = run.failure("bomb_member.warc.gz")
    assert reason == "truncated" and "declared length of 99 bytes" in error
    assert 100 * MIB < run.peak < WORKER_BYTES


def test_long_lines(run: Run) -> None:
    assert run.failure("line.jsonl") == ("too_large", "the text is over 16777216 bytes")
    assert [row["id"] for row in run.kept["line.jsonl"]] == ["row 1", "row 0"]  # Russian, then Thai
    assert run.reason("https://bad.example/line.txt") == "non_symbol_words_high"
    assert run.reason("https://bad.example/line.html") == "empty"  # trafilatura's parser refuses it


def test_a_page_that_hangs_the_extractor(run: Run) -> None:
    assert run.failure("hang.warc.gz") == ("extractor_timeout", f"no answer after {TIMEOUT} s")


@pytest.mark.parametrize(
    "path, text",
    [("unknown", THAI), ("lie/latin", ARABIC), ("lie/utf-8", RUSSIAN), ("nul.html", TEXTS["hin_Deva"][3])],
)
def test_a_wrong_charset_and_nul_bytes_do_not_hide_the_text(run: Run, path: str, text: str) -> None:
    assert has_text(run.page(f"https://charset.example/{path}"), text)


def test_bytes_that_are_no_text(run: Run) -> None:
    row = run.page("https://charset.example/invalid")
    assert "\ufffd" in row["text"] and has_text({"text": row["text"].replace("\ufffd", "").strip()}, HINDI)
    assert run.reason("https://charset.example/nul.txt") == "content_type"


def test_empty_pages(run: Run) -> None:
    assert run.reason("https://charset.example/empty") == run.reason("https://charset.example/blank") == "empty"
    assert [row["reason"] for row in run.dropped["empty.html"]] == ["empty"]


def test_strange_addresses_are_text_and_nothing_more(run: Run) -> None:
    for url, label in zip(ODD_URLS, ODD_LABELS, strict=True):
        assert has_text(run.page(url), TEXTS[label][3])


def test_lone_surrogates_become_replacement_characters(run: Run) -> None:
    [row] = run.kept["surrogates.jsonl"]
    assert (row["id"], row["url"]) == ("\ufffd id", "\ufffd")
    assert row["text"].endswith("\ufffd") and has_text(row, TEXTS["amh_Ethi"][3])


def test_two_records_with_one_id_are_two_rows(run: Run) -> None:
    twins = [row for row in run.kept["twins.warc.gz"] if "twin.example" in row["url"]]
    assert [row["id"] for row in twins] == ["urn:test:twin"] * 2
    assert len({row["source"]["offset"] for row in twins}) == 2


def test_files_that_cannot_be_read(run: Run) -> None:
    for name in ("dangling.warc.gz", "vanishes.warc.gz"):
        reason, error = run.failure(name)
        assert reason == "unreadable" and "No such file" in error and name in error
    assert "vanishes.warc.gz" not in run.kept
    assert run.failure("no_text.parquet") == ("malformed", "no column text; the columns are body, url")


def test_empty_files(run: Run) -> None:
    reasons = {name: rows[0]["reason"] for name, rows in run.failed.items() if name.startswith("empty")}
    archives = {f"empty.{suffix}": "unreadable" for suffix in ("warc", "warc.gz", "warc.wet.gz", "arc.gz")}
    assert reasons == {**archives, "empty.parquet": "malformed", "empty.xml": "truncated"}
    assert "is empty; an archive holds at least one record" in run.failure("empty.warc.gz")[1]


# --- runs of their own ---------------------------------------------------------------------------------------------


def test_a_language_label_that_is_a_path_writes_nothing_outside(spark: object, tmp_path: Path) -> None:
    labels = ("../../etc", "/etc/passwd", "tam_Taml")  # one that is right, or the model would not be taken at all
    lines = [
        f"__label__{label} {TEXTS[name][n]}".replace("\n", " ")
        for label, name in zip(labels, ("hin_Deva", "rus_Cyrl", "tam_Taml"), strict=True)
        for n in range(6)
    ]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    # fastText 0.9.3 sets a tenth of its table a thread, and leaves the rest to chance
    fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=20, dim=10, bucket=0, thread=10, verbose=0).save_model(
        str(tmp_path / "evil.bin")
    )
    (tmp_path / "in").mkdir()
    archive(tmp_path / "in" / "pages.warc.gz", member(record("https://bad.example/", html(RUSSIAN))))
    before = set(tmp_path.rglob("*"))
    output = tmp_path / "runs" / "deep" / "run"
    stages.run(settings(tmp_path / "in", output, f"language.model={tmp_path / 'evil.bin'}"), QUIET)
    run = Run(output)
    rows = [row for rows in (*run.kept.values(), *run.dropped.values()) for row in rows]
    assert [(row["language"], row["language_script"]) for row in rows] == [("und", "Zzzz")] * 3
    outside = {path for path in set(tmp_path.rglob("*")) - before if output not in (path, *path.parents)}
    assert outside == {output.parent, output.parent.parent}
    assert {path.name for path in (output / "kept").glob("*")} <= {"und_Zzzz"}
    assert all(check.ok for check in manifest.verify(str(output)))


def test_a_page_whose_extractor_is_killed_costs_one_record(spark: object, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    archive(tmp_path / "in" / "pages.warc.gz", member(record("https://bad.example/kills", HANGS)))
    killed: set[str] = set()

    def kill_busy(process: Path) -> None:
        if seconds(process) > 8:  # no good page takes so long, nor does starting
            os.kill(int(process.name), signal.SIGKILL)
            killed.add(process.name)

    with meanwhile(b"filters.guard", kill_busy):
        stages.run(settings(tmp_path / "in", tmp_path / "run", "extract.timeout_seconds=60"), QUIET)
    run = Run(tmp_path / "run")
    assert len(killed) == 2  # it is tried once more in a fresh process
    assert run.failure("pages.warc.gz") == ("extractor_crash", "the extractor process died: SIGKILL")
    assert [row["url"].rpartition("/")[2] for row in run.kept["pages.warc.gz"]] == ["before", "after"]
    assert all(check.ok for check in manifest.verify(str(tmp_path / "run")))


def test_a_run_that_finds_nothing_to_keep_is_a_finished_run(spark: object, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.jsonl").write_bytes(b"")
    (tmp_path / "in" / "broken.jsonl").write_bytes(b"{'text': 1}\n")
    stages.run(settings(tmp_path / "in", tmp_path / "run"), QUIET)
    run = Run(tmp_path / "run")
    assert (run.kept, run.dropped, list(run.failed)) == ({}, {}, ["broken.jsonl"])
    assert all(check.ok for check in manifest.verify(str(tmp_path / "run")))
