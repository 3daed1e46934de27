"""What changes between two decisions, counted again from their files; documents found by key and by id."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate import diff
from curate.cli import main
from curate.lookup import rows, texts
from curate.plan import opened
from curate.runfolder import RunFolder

pytestmark = pytest.mark.spark


def decisions(root: Path, fingerprint: str) -> dict[int, tuple[str, list[str]]]:
    """Label and reasons by key."""
    found = {}
    for path in (root / "decisions" / fingerprint).glob("unit=*/*.parquet"):
        table = pq.ParquetFile(path).read(["key", "label", "drop_reasons"]).to_pylist()
        found |= {row["key"]: (row["label"], row["drop_reasons"]) for row in table}
    return found


def documents(root: Path) -> dict[int, dict]:
    files = (root / "documents").glob("*.parquet")
    columns = ["key", "id", "url", "text"]
    return {row["key"]: row for path in files for row in pq.ParquetFile(path).read(columns).to_pylist()}


def expected(judged_twice) -> Counter[tuple[str, str | None, str | None]]:
    before, after = (decisions(judged_twice.root, name) for name in (judged_twice.universal, judged_twice.english))
    first = [(label, (*reasons, None)[0], (*after[key][1], None)[0]) for key, (label, reasons) in before.items()]
    return Counter(first)


def sides(judged_twice) -> tuple[diff.Side, diff.Side]:
    root = str(judged_twice.root)
    return diff.side(f"{root}/decisions/{judged_twice.universal}"), diff.side(root)


def counted(found: diff.Diff) -> Counter[tuple[str, str | None, str | None]]:
    return Counter({(c.label, c.reason_a, c.reason_b): c.documents for c in found.counts})


def test_counts_are_those_of_the_decisions_files(spark, judged_twice) -> None:
    found = diff.compare(spark, *sides(judged_twice))
    assert found.by_key and all(count.both for count in found.counts)
    assert counted(found) == expected(judged_twice)
    changes = Counter()
    for count in found.counts:
        changes[count.change] += count.documents
    assert changes[diff.DROPPED] > 10 and changes[diff.OTHER] > 3 and changes[None] > 100


def test_the_other_way_round(spark, judged_twice) -> None:
    a, b = sides(judged_twice)
    found = diff.compare(spark, b, a, samples=0)
    assert counted(found) == Counter({(x, c, b): n for (x, b, c), n in expected(judged_twice).items()})
    assert any(count.change == diff.KEPT for count in found.counts) and not found.samples


def test_samples_are_documents_that_change(spark, judged_twice) -> None:
    found = diff.compare(spark, *sides(judged_twice), samples=200)
    before, after = (decisions(judged_twice.root, name) for name in (judged_twice.universal, judged_twice.english))
    changed = Counter(
        (before[key][0], tuple(before[key][1]), tuple(after[key][1]), row["url"] or row["id"], row["text"][:500])
        for key, row in documents(judged_twice.root).items()
        if (*before[key][1], None)[0] != (*after[key][1], None)[0]
    )
    assert Counter((s.label, s.reasons_a, s.reasons_b, s.address, s.text) for s in found.samples) == changed
    assert len(changed) > 20


def test_each_pair_of_reasons_has_its_turn(spark, judged_twice) -> None:
    pairs = {(a, b) for _, a, b in expected(judged_twice) if a != b}
    found = diff.compare(spark, *sides(judged_twice), samples=len(pairs))
    assert {((*s.reasons_a, None)[0], (*s.reasons_b, None)[0]) for s in found.samples} == pairs and len(pairs) > 4


def test_narrowed_to_a_language_and_a_reason(spark, judged_twice) -> None:
    found = diff.compare(spark, *sides(judged_twice), languages=["tha_Thai"], reason="duplicate_exact")
    assert {count.label for count in found.counts} == {"tha_Thai"}
    assert [(s.label, s.reasons_a) for s in found.samples] == [("tha_Thai", ("duplicate_exact",))]


@pytest.fixture(scope="module")
def other_run(judged_twice, tmp_path_factory) -> Path:
    """The same documents under another measuring, some of them missing, so that only ids tell who is who."""
    root = tmp_path_factory.mktemp("other") / "run"
    shutil.copytree(judged_twice.root, root)
    plan = json.loads((root / "run.json").read_text())
    plan["measure"]["clean"] = {"pii": False}
    (root / "run.json").write_text(json.dumps(plan))
    for path in (root / "decisions" / judged_twice.english).glob("unit=*/*.parquet"):
        table = pq.ParquetFile(path).read()
        pq.write_table(table.slice(7), path)
        path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    return root


def test_another_measuring_is_matched_by_id(spark, judged_twice, other_run) -> None:
    found = diff.compare(spark, sides(judged_twice)[0], diff.side(str(other_run)))
    assert not found.by_key
    gone = sum(count.documents for count in found.counts if not count.in_b)
    assert gone == 7 and not any(count.in_b and not count.in_a for count in found.counts)
    both = counted(replace(found, counts=tuple(count for count in found.counts if count.both)))
    assert both <= expected(judged_twice) and both.total() == expected(judged_twice).total() - 7
    assert all(count.change is None for count in found.counts if not count.both)


def test_a_copy_of_the_run_is_matched_by_key_unless_a_document_differs(spark, judged_twice, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(judged_twice.root, root)
    a, b = sides(judged_twice)[0], diff.side(str(root))
    assert diff.compare(spark, a, b, samples=0).by_key
    [path] = (root / "documents").glob("*.parquet")
    table = pq.ParquetFile(path).read()
    ids = ["another", *table["id"].to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("id"), "id", [ids]), path)
    found = diff.compare(spark, a, b, samples=0)
    assert not found.by_key and sum(c.documents for c in found.counts if not c.both) == 2


def test_the_command_prints_all_of_it(judged_twice) -> None:
    root = str(judged_twice.root)
    result = CliRunner().invoke(main, ["diff", f"{root}/decisions/{judged_twice.universal}", root, "--limit", "3"])
    assert result.exit_code == 0, result.output
    assert "the same measured documents" in result.output and "mean_word_length_low" in result.output
    assert result.output.count(" → ") == 3 and "kept → " in result.output
    [total] = [line.split() for line in result.output.splitlines() if line.startswith("all")]
    dropped = sum(n for (_, a, b), n in expected(judged_twice).items() if a is None and b is not None)
    assert total[1] == "173" and total[4] == str(dropped)
    same = CliRunner().invoke(main, ["diff", root, root])
    assert same.exit_code == 0 and "no document changes" in same.output


@pytest.mark.parametrize(
    "path, error",
    [
        ("{}/nothing", "no finished run: it has no manifest.json; give a run folder, or RUN/decisions/FINGERPRINT"),
        ("{}/decisions/0000", "no decisions 0000; in "),
    ],
)
def test_what_is_no_side(judged_twice, path: str, error: str) -> None:
    result = CliRunner().invoke(main, ["diff", path.format(judged_twice.root), str(judged_twice.root)])
    assert result.exit_code == 1 and error in result.stderr and result.stderr.count("\n") == 1
    assert "0000" not in path or judged_twice.english in result.stderr, "the known ones are named"


def test_rows_are_found_by_key(judged_twice) -> None:
    known = documents(judged_twice.root)
    folder = opened(str(judged_twice.root)).folder
    wanted = sorted(known)[::9]
    assert rows(folder, wanted) == {k: {c: known[k][c] for c in ("url", "id", "text")} for k in wanted}
    assert texts(RunFolder(str(judged_twice.root)), wanted) == {key: known[key]["text"] or "" for key in wanted}
    assert texts(folder, []) == {} and len(wanted) > 15
