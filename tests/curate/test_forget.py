"""Forgotten documents are nowhere in the run folder, the accounts hold, and no rerun brings them back."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate import cli, forget, forgotten, manifest, stages
from curate.forgotten import Forgotten
from curate.recipe import RecipeError
from curate.runfolder import RunFolder
from tests.curate.test_run import QUIET, demo


@pytest.fixture(scope="module")
def finished(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("forget") / "run"
    stages.run(demo(output), QUIET)
    return output


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy under the same name, so that it is the same run."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def rows(folder: Path) -> list[dict]:
    files = sorted(folder.glob("**/*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def everything(run: Path) -> bytes:
    """All bytes of a run folder, Parquet files as their values."""
    text = "\n".join(repr(rows(folder)) for folder in run.iterdir() if folder.is_dir())
    loose = b"".join(path.read_bytes() for path in run.glob("*") if path.is_file())
    return text.encode("utf-8", "surrogatepass") + loose


def some(run: Path, folder: str, **like: str) -> dict:
    """The first row like that which has an address, and whose text no other page has or quotes."""
    found = [row for row in rows(run / folder) if row["url"] and all(row[name] == each for name, each in like.items())]
    texts = [row["text"] or "" for row in rows(run / "documents")] if folder == "kept" else []
    return next(row for row in found if folder != "kept" or sum(mark(row["text"]) in text for text in texts) == 1)


def mark(text: str) -> str:
    """A piece of a text that Python prints as it is."""
    return max(re.split(r"[\n'\"\\]", text), key=len)[:40]


@pytest.mark.spark
def test_a_forgotten_document_is_nowhere_and_the_accounts_hold(run: Path) -> None:
    kept, dropped = some(run, "kept", language="hin"), some(run, "dropped", reason="duplicate_exact")
    before = json.loads((run / "manifest.json").read_text("utf-8"))["stages"]
    marks = [kept["url"], kept["id"], mark(kept["text"]), dropped["url"], dropped["id"]]
    there = everything(run)
    assert all(each.encode() in there for each in marks)
    wanted = Forgotten.of(urls=[kept["url"]], ids=[dropped["id"]])
    outcome = forget.forget(RunFolder(str(run)), wanted, reason="asked")
    assert outcome.documents == 2
    left = everything(run)
    assert [each for each in marks if each.encode() in left] == []
    assert all(check.ok for check in manifest.verify(str(run)))
    names = {check.what: check.found for check in manifest.verify(str(run))}
    assert names["forgotten"] == 2 and names["rows of the forgotten that are still there"] == 0
    after = json.loads((run / "manifest.json").read_text("utf-8"))["stages"]
    assert after["measure"] == before["measure"] and after["write"]["kept"] == before["write"]["kept"] - 1
    reasons = Counter(before["decide"]["dropped"])
    reasons.subtract({"duplicate_exact": 1, "forgotten": -2})
    assert after["decide"]["dropped"] == dict(+reasons)
    blank = [row for row in rows(run / "dropped") if row["reason"] == "forgotten"]
    assert {row["id"] for row in blank} == set(outcome.ids)
    assert all(row["url"] is None and row["sample"] == "" and row["signals"] is None for row in blank)
    assert {row["language"] for row in blank} == {kept["language"], dropped["language"]}


@pytest.mark.spark
def test_the_record_says_what_was_asked_and_done_but_not_whose_it_was(run: Path) -> None:
    kept = some(run, "kept")
    host = kept["url"].split("/")[2]
    forget.forget(RunFolder(str(run)), Forgotten.of(urls=[kept["url"]]), reason="erasure, ticket 7")
    text = (run / "forgotten.json").read_text("utf-8")
    (request,) = json.loads(text)["requests"]
    assert request["reason"] == "erasure, ticket 7" and request["asked"] <= request["finished"]
    assert request["documents"] == 1 and request["forgotten_ids"] == [forgotten.blank_id(kept["id"])]
    assert {Path(name).parts[0] for name in request["rows"]} == {"documents", "kept"}
    assert host not in text and kept["id"].strip("<>") not in text


@pytest.mark.spark
def test_neither_a_rerun_nor_other_cutoffs_bring_it_back(run: Path, spark: object) -> None:
    kept = some(run, "kept", language="tam")
    host = kept["url"].split("/")[2]
    count = sum(f"//{host}/" in (row["url"] or "") for row in rows(run / "documents"))
    forget.forget(RunFolder(str(run)), Forgotten.of(sites=[host]))
    hash_ = json.loads((run / "manifest.json").read_text("utf-8"))["content_hash"]
    stages.run(demo(run), QUIET)
    assert json.loads((run / "manifest.json").read_text("utf-8"))["content_hash"] == hash_
    stages.run(demo(run, "cutoffs=english"), QUIET)
    assert all(check.ok for check in manifest.verify(str(run)))
    account = json.loads((run / "manifest.json").read_text("utf-8"))
    assert account["stages"]["decide"]["dropped"]["forgotten"] == count >= 1
    assert kept["url"].encode() not in everything(run)


@pytest.mark.spark
def test_a_unit_measured_again_is_blank_from_the_start(run: Path, spark: object) -> None:
    kept = some(run, "kept", language="tam")
    forget.forget(RunFolder(str(run)), Forgotten.of(urls=[kept["url"]]))
    hash_ = json.loads((run / "manifest.json").read_text("utf-8"))["content_hash"]
    for part in ("documents", "decisions", "clusters"):
        shutil.rmtree(run / part)
    stages.run(demo(run), QUIET)
    assert json.loads((run / "manifest.json").read_text("utf-8"))["content_hash"] == hash_
    assert kept["url"].encode() not in everything(run) and mark(kept["text"]).encode() not in everything(run)
    assert all(check.ok for check in manifest.verify(str(run)))


@pytest.mark.spark
@pytest.mark.parametrize("killed_at", range(0, 9))
def test_a_request_cut_short_is_completed_by_the_next(
    run: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """Killed before the n-th file takes its name: each is the old or the new one, and the same request again ends it."""
    from curate import runfolder

    kept, dropped = some(run, "kept", language="hin"), some(run, "dropped", reason="duplicate_exact")
    wanted = Forgotten.of(urls=[kept["url"]], ids=[dropped["id"]])
    whole = runfolder.publishing.__exit__
    published = []

    def dying(self: runfolder.publishing, kind: object, *rest: object) -> None:
        published.append(self._path)
        if len(published) == killed_at + 2:  # after the request's own record
            raise KeyboardInterrupt
        whole(self, kind, *rest)

    monkeypatch.setattr(runfolder.publishing, "__exit__", dying)
    try:
        forget.forget(RunFolder(str(run)), wanted)
    except KeyboardInterrupt:
        pass
    else:
        assert killed_at > 5, "the test kills at each file"
    monkeypatch.undo()
    for path in run.glob("**/*.parquet"):
        pq.ParquetFile(path)
    forget.forget(RunFolder(str(run)), wanted)
    assert all(check.ok for check in manifest.verify(str(run)))
    left = everything(run)
    assert kept["url"].encode() not in left and dropped["id"].encode() not in left
    assert json.loads((run / "manifest.json").read_text("utf-8"))["stages"]["decide"]["dropped"]["forgotten"] == 2


@pytest.mark.spark
def test_all_of_a_site_leaves_an_empty_shard(run: Path) -> None:
    urls = [row["url"] for row in rows(run / "kept") if row["language"] == "ell"]
    assert urls
    forget.forget(RunFolder(str(run)), Forgotten.of(urls=urls))
    assert not [row for row in rows(run / "kept") if row["language"] == "ell"]
    assert all(check.ok for check in manifest.verify(str(run)))


@pytest.mark.spark
def test_failed_records_lose_their_address(run: Path) -> None:
    row = some(run, "failed")
    forget.forget(RunFolder(str(run)), Forgotten.of(urls=[row["url"]]))
    (blank,) = [each for each in rows(run / "failed") if each["error"] == "forgotten"]
    assert blank["url"] is None and blank["reason"] == row["reason"] and blank["offset"] == row["offset"]
    assert all(check.ok for check in manifest.verify(str(run)))


@pytest.mark.spark
def test_a_list_keeps_documents_out_and_blanks_those_read_before(run: Path, spark: object, tmp_path: Path) -> None:
    one, other = some(run, "kept", language="hin"), some(run, "kept", language="tam")
    listed = tmp_path / "never.txt"
    listed.write_text(f"# owners who asked\n{one['url']}\n", "utf-8")
    stages.run(demo(run, f"forget.list={listed}"), QUIET)
    account = json.loads((run / "manifest.json").read_text("utf-8"))
    assert account["stages"]["decide"]["dropped"]["forgotten"] == 1
    assert one["url"].encode() not in everything(run)
    asked = len(json.loads((run / "forgotten.json").read_text("utf-8"))["requests"])
    stages.run(demo(run, f"forget.list={listed}"), QUIET)
    assert len(json.loads((run / "forgotten.json").read_text("utf-8"))["requests"]) == asked == 1
    listed.write_text(f"{one['url']}\n{other['id']}\n", "utf-8")
    fresh = tmp_path / "fresh"
    stages.run(demo(fresh, f"forget.list={listed}"), QUIET)
    assert one["url"].encode() not in everything(fresh) and mark(other["text"]).encode() not in everything(fresh)
    assert sum(row["reason"] == "forgotten" for row in rows(fresh / "dropped")) == 2
    assert all(check.ok for check in manifest.verify(str(fresh)))


@pytest.mark.spark
def test_an_index_of_earlier_runs_forgets_too(spark: object, tmp_path: Path) -> None:
    run, index = tmp_path / "run", tmp_path / "index"
    stages.run(demo(run, f"dedup.index={index}"), QUIET)
    kept = some(run, "kept", language="hin")
    (hash_,) = [row["exact_hash"] for row in rows(run / "documents") if row["id"] == kept["id"]]
    before = [row["exact_hash"] for row in rows(index)]
    assert hash_ in before
    forget.forget(RunFolder(str(run)), Forgotten.of(ids=[kept["id"]]))
    after = [row["exact_hash"] for row in rows(index)]
    assert hash_ not in after and len(after) == len(before) - 1
    stages.run(demo(run, f"dedup.index={index}"), QUIET)
    assert sorted(row["exact_hash"] for row in rows(index)) == sorted(after)
    assert all(check.ok for check in manifest.verify(str(run)))


@pytest.mark.spark
def test_the_command(run: Path) -> None:
    kept = some(run, "kept")
    done = CliRunner().invoke(cli.main, ["forget", str(run), "--url", kept["url"], "--reason", "asked"])
    assert done.exit_code == 0, done.output
    assert "1 documents forgotten" in done.output and (run / "report.html").exists()
    verified = CliRunner().invoke(cli.main, ["verify", str(run)])
    assert verified.exit_code == 0 and "forgotten: 1" in verified.output


def test_user_errors_are_one_line(tmp_path: Path) -> None:
    for arguments, problem in (
        ([str(tmp_path), "--url", "x"], "no run folder"),
        ([str(tmp_path)], "nothing to forget"),
        ([str(tmp_path), "--site", "a b"], "is no site"),
    ):
        done = CliRunner().invoke(cli.main, ["forget", *arguments])
        assert done.exit_code and problem in done.output and "Traceback" not in done.output


def test_addresses_match_as_people_write_them() -> None:
    wanted = Forgotten.of(
        urls=["http://www.Example.org/a/?q=1#top"], ids=["<urn:uuid:1>"], sites=["https://Shop.example/x"]
    )
    assert wanted.holds(None, "https://example.org/a/?q=1") and not wanted.holds(None, "https://example.org/a/?q=2")
    assert wanted.holds(None, "https://user@example.org:8080/a/?q=1")
    assert wanted.holds("urn:uuid:1", None) and not wanted.holds("urn:uuid:2", None)
    assert wanted.holds(None, "http://de.shop.example/y") and not wanted.holds(None, "http://myshop.example/y")
    assert not Forgotten() and not Forgotten().holds("a", "http://b.example")
    for odd in ("", "http://", "http://[::1", "//", "x" * 100_000, "http://a\ud800.example/"):
        assert not wanted.holds(odd, odd)


def test_lists(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        "\ufeff# a comment\nexample.org # why\nsite.example/page\nid: a.b\nhttps://x.example/\n12345\n\n", "utf-8"
    )
    wanted = forgotten.load_list(str(path))
    assert wanted.sites == {"example.org"} and len(wanted.urls) == 2 and len(wanted.ids) == 2
    assert wanted.holds("a.b", None) and wanted.holds("12345", None) and wanted.holds(None, "http://site.example/page/")
    with pytest.raises(RecipeError, match=r"forget\.list: .*none\.txt: cannot be read"):
        forgotten.load_list(str(tmp_path / "none.txt"))
