"""The audit of a run: what is drawn, that sheets are blind and harmless, what is wrong with filled ones, and `verified`."""

import csv
import io
import json
import re
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from curate import decide, diff, recipe, stages
from curate.audit import design, verified
from curate.audit.sheet import TEXT_CHARACTERS, Item, harmless, plain, to_csv, to_jsonl
from curate.cli import main
from filters import url
from filters.columns import KEY_BITS, MEASURED
from tests.curate.conftest import SAMPLES

RULES = ("words_low", None, "duplicate_near")


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


def error_of(*arguments: str) -> str:
    result = audit(*arguments)
    assert result.exit_code, result.output
    return result.stderr


# what is drawn


def site_of(row: int) -> str:
    """A few large sites, many small ones; no address at all for some."""
    if row % 11 == 0:
        return ""
    return f"www.s{row % 7}.co.uk" if row % 3 else f"n{row % 400}.example"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 4,000 rows made by hand: Tamil, Urdu and unknown; kept, dropped by a rule, dropped as copies."""
    root = tmp_path_factory.mktemp("large")
    rows = [
        {
            "key": (unit << KEY_BITS) + row,
            "id": f"id-{unit}-{row}",
            "url": f"https://{site_of(row)}/{row}" if site_of(row) else None,
            "text": "" if row % 50 == 0 else f"உரை {unit} {row} ஒரு வரி\nmail a@b.com",
            "edits": [{"start": 0, "end": 3, "replacement": "text"}] if row % 50 else [],
        }
        for unit in (0, 1)
        for row in range(2000)
    ]
    labels = ("tam_Taml", "urd_Arab", "und_Zzzz")
    for unit in (0, 1):
        part = [row for row in rows if row["key"] >> KEY_BITS == unit]
        (root / "documents" / "_commits").mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(part, MEASURED), root / "documents" / f"{unit}.parquet", row_group_size=600)
        (root / "documents" / "_commits" / f"{unit:06d}.json").write_text(json.dumps({"file": f"{unit}.parquet"}))
        decided = pa.table(
            {
                "key": pa.array([row["key"] for row in part]),
                "label": [labels[n % 5 // 2] for n in range(2000)],
                "drop_reasons": pa.array(
                    [[r] if (r := RULES[n % 3]) else [] for n in range(2000)], pa.list_(pa.string())
                ),
                "cuts": pa.nulls(2000, pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))),
            }
        )
        (root / "decisions" / "f" / f"unit={unit}").mkdir(parents=True)
        pq.write_table(decided, root / "decisions" / "f" / f"unit={unit}" / "part.parquet")
    (root / "decisions" / "f" / "_SUCCESS").touch()
    return root


def drawn(spark: Any, large: Path, **settings: Any) -> dict[design.Place, design.Stratum]:
    side = diff.side(f"{large}/decisions/f")
    return {stratum.place: stratum for stratum in design.draw(spark, side, design.Design(**settings))}


@pytest.mark.spark
def test_strata_hold_the_documents_with_the_smallest_hashes(spark: Any, large: Path) -> None:
    found = drawn(spark, large, per_stratum=40, per_site=2)
    places = {(language, rule, None) for language in ("tam_Taml", "urd_Arab") for rule in (None, "words_low")}
    assert set(found) == places, "no copies: reading does not tell; nothing of unknown language"
    documents = [row for unit in (0, 1) for row in pq.read_table(large / "documents" / f"{unit}.parquet").to_pylist()]
    frame = spark.createDataFrame([(row["key"], row["id"]) for row in documents], "key long, id string")
    hashes = dict(frame.selectExpr("key", "xxhash64(1, id) as hash").collect())
    rows: dict[Any, list[tuple[int, design.Candidate]]] = defaultdict(list)
    for n, row in enumerate(documents):
        place = (("tam_Taml", "urd_Arab", "und_Zzzz")[n % 2000 % 5 // 2], RULES[n % 2000 % 3], None)
        rows[place].append((hashes[row["key"]], design.Candidate(row["key"], row["id"], url.site(row["url"]), ())))
    for place, stratum in found.items():
        order = [candidate for _, candidate in sorted(rows[place])]
        expected, cut_off = design.spread(order, 40, 2)
        assert stratum.drawn == expected and len(expected) == 40 and stratum.documents == len(order)
        assert place.rule or (len(cut_off) > 3 and max(Counter(c.site for c in expected if c.site).values()) == 2)
        sizes = Counter(candidate.site for candidate in order)
        assert stratum.weights == design.weights(expected, len(order), {site: sizes[site] for site in cut_off})
        assert sum(stratum.weights) == pytest.approx(len(order))


@pytest.mark.spark
def test_the_largest_sites_are_strata_of_their_own(spark: Any, large: Path) -> None:
    found = drawn(spark, large, sites=3)
    own = [stratum for place, stratum in found.items() if place.site]
    assert [(s.place.language, s.place.rule) for s in own] == [("tam_Taml", None)] * 3 + [("urd_Arab", None)] * 3
    for stratum in own:
        assert {candidate.site for candidate in stratum.drawn} == {stratum.place.site}
        assert len(stratum.drawn) == design.OF_SITE and stratum.documents > design.OF_SITE
        rest = found[stratum.place._replace(site=None)]
        assert stratum.place.site not in {candidate.site for candidate in rest.drawn}
    whole = {place: stratum.documents for place, stratum in drawn(spark, large).items()}
    for place, documents in whole.items():
        assert documents == sum(s.documents for p, s in found.items() if p[:2] == place[:2])


@pytest.mark.spark
def test_another_seed_draws_others(spark: Any, large: Path) -> None:
    keys = [{c.key for s in drawn(spark, large, seed=seed).values() for c in s.drawn} for seed in (1, 2)]
    assert len(keys[0]) > 300 and len(keys[0] & keys[1]) < len(keys[0]) / 2


@pytest.mark.spark
def test_documents_without_text_are_not_asked_about_and_edits_are_done(large: Path, tmp_path: Path) -> None:
    result = audit(
        "sample", f"{large}/decisions/f", "-o", f"{tmp_path}/a", "--language", "tam_Taml", "--per-site", "900"
    )
    assert result.exit_code == 0, result.output
    key = json.loads((tmp_path / "a.key.json").read_text())
    texts = [json.loads(line)["text"] for line in (tmp_path / "a" / "tam_Taml.jsonl").read_text().splitlines()]
    assert 150 < len(texts) == len(key["items"]) <= 186 and all(text.startswith("text ") for text in texts)
    assert not (tmp_path / "a" / "urd_Arab.csv").exists()


# the sheets of the sample crawl


def universal(judged_twice: Any) -> str:
    """The decisions that keep something in every language."""
    return f"{judged_twice.root}/decisions/{judged_twice.universal}"


@pytest.fixture(scope="module")
def sampled(judged_twice: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "a"
    result = audit("sample", universal(judged_twice), "-o", str(folder))
    assert result.exit_code == 0, result.output
    assert "tha_Thai" in result.output and "the key; not for those who fill in" in " ".join(result.output.split())
    return folder


def key_of(folder: Path) -> dict[str, Any]:
    return json.loads(folder.with_name("a.key.json").read_text("utf-8"))


def decisions(root: Path, fingerprint: str) -> Counter[tuple[str, str | None]]:
    files = (root / "decisions" / fingerprint).glob("unit=*/*.parquet")
    rows = [row for path in files for row in pq.ParquetFile(path).read(["label", "drop_reasons"]).to_pylist()]
    return Counter((row["label"], (*row["drop_reasons"], None)[0]) for row in rows)


@pytest.mark.spark
def test_strata_are_what_the_run_kept_and_what_each_rule_dropped(judged_twice: Any, sampled: Path) -> None:
    strata = {(each["language"], each["rule"]): each["documents"] for each in key_of(sampled)["strata"]}
    counts = decisions(judged_twice.root, judged_twice.universal)
    kept = {label for label, rule in counts if rule is None}
    expected = {
        (label, rule): n
        for (label, rule), n in counts.items()
        if label in kept
        and rule not in (*decide.COPIES, "empty", "http_status", "revisit", "content_type", "url_blocked")
    }
    assert strata == expected
    assert {path.stem for path in sampled.glob("*.html")} == {label for label, _ in strata}
    assert len(strata) > 15 and sum(rule is not None for _, rule in strata) > 3


@pytest.mark.spark
def test_sheets_say_nothing_of_a_documents_fate(judged_twice: Any, sampled: Path) -> None:
    key = key_of(sampled)
    fates = {id_: key["strata"][item["stratum"]]["rule"] for id_, item in key["items"].items()}
    rules = {rule for rule in fates.values() if rule}
    assert rules
    for path in sampled.iterdir():
        text = path.read_text("utf-8-sig")
        assert not any(rule in text for rule in rules)
        assert not any(item["document"] in text for item in key["items"].values())
    lines = [json.loads(line) for path in sorted(sampled.glob("*.jsonl")) for line in path.open("rb")]
    assert {line["id"] for line in lines} == set(fates) and [line["id"] for line in lines] != list(fates)
    assert set(lines[0]) == {
        "id",
        "language",
        "in_language",
        "quality",
        "pii",
        "unsafe",
        "comment",
        "characters",
        "text",
    }


@pytest.mark.spark
def test_texts_are_whole_and_those_of_kept_documents_are_as_in_the_shards(judged_twice: Any, sampled: Path) -> None:
    key, texts = key_of(sampled), {}
    for path in sampled.glob("*.jsonl"):
        texts |= {row["id"]: row["text"] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    files = (judged_twice.root / "kept").glob("*/*.parquet")
    kept = {row["id"]: row["text"] for path in files for row in pq.ParquetFile(path).read(["id", "text"]).to_pylist()}
    files = (judged_twice.root / "documents").glob("*.parquet")
    all_ = {row["id"]: row["text"] for path in files for row in pq.ParquetFile(path).read(["id", "text"]).to_pylist()}
    seen: Counter[bool] = Counter()
    for id_, item in key["items"].items():
        dropped = item["document"] not in kept
        whole = all_[item["document"]] if dropped else kept[item["document"]]
        seen[dropped] += 1
        assert texts[id_] == whole or "@" in whole, "personal data is replaced in dropped documents too"
        assert "@example.org" not in texts[id_]
    assert seen[True] > 20 and seen[False] > 20
    assert any(len(texts[id_]) > 500 for id_, item in key["items"].items() if item["document"] not in kept)


@pytest.mark.spark
def test_the_same_run_gives_the_same_sheets_and_no_sample_is_overwritten(judged_twice: Any, sampled: Path) -> None:
    again = sampled.with_name("again")
    assert audit("sample", universal(judged_twice), "-o", str(again), "--language", "tha_Thai").exit_code == 0
    assert (again / "tha_Thai.csv").read_bytes() == (sampled / "tha_Thai.csv").read_bytes()
    assert (again / "tha_Thai.html").read_bytes() == (sampled / "tha_Thai.html").read_bytes()
    assert "perhaps filled in; give a new folder" in error_of("sample", str(judged_twice.root), "-o", str(sampled))


@pytest.mark.spark
@pytest.mark.parametrize(
    "options, error",
    [(["--language", "vie_Latn"], "--language vie_Latn: the run"), (["--language", "Hindi"], "hin_Deva")],
)
def test_a_language_that_is_not_there(judged_twice: Any, tmp_path: Path, options: list[str], error: str) -> None:
    assert (
        "no documents to look at"
        in (found := error_of("sample", str(judged_twice.root), "-o", f"{tmp_path}/a", *options))
        or error in found
    )
    assert found.count("\n") == 1 and not list(tmp_path.iterdir())


# harmless sheets

HOSTILE = [
    '=HYPERLINK("http://evil.example";"x")',
    "+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "  =cmd|' /C calc'!A0",
    "＝1+1",
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<!--<script>",
    "\u202eevil\u0000\ud800",
    'க "மேற்கோள்", கமா; மற்றும்\nபுதிய வரி\r\nமூன்று',
    "یہ اردو ہے\nand English",
    "ข้อความภาษาไทย",
    "中文,文本",
]


def items(texts: list[str] = HOSTILE) -> list[Item]:
    return [Item.of(f"x{n}", "tam_Taml", text) for n, text in enumerate(texts)]


def test_a_spreadsheet_runs_no_cell_and_loses_no_text() -> None:
    written = to_csv(items())
    assert written.encode("utf-8").startswith(b"\xef\xbb\xbf")
    heading, *rows = csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline=""))
    assert heading[2] == "in_language (yes/mixed/no)" and len(rows) == len(HOSTILE)
    assert not any(re.match(r"\s*[=+\-@＝]", cell) for row in rows for cell in row)
    for row, text in zip(rows, HOSTILE, strict=True):
        assert plain(row[-1]) == text.replace("\r\n", "\n") or not text.isprintable()
    assert rows[10][-1] == "⟦U+202E⟧evil␀⟦U+D800⟧"
    lines = [json.loads(line) for line in to_jsonl(items()).splitlines()]
    assert [line["text"] for line in lines] == [item.text for item in items()]
    assert plain("'quoted'") == "'quoted'" and harmless("") == ""


def test_a_long_text_is_cut_to_what_a_cell_holds() -> None:
    [item] = items(["\u202e" * 30_000])
    assert item.characters == 30_000 and len(item.text) == TEXT_CHARACTERS < 32_767


# filled sheets


def fill(sampled: Path, language: str, answers: list[dict[str, Any]], to: Path, suffix: str = "csv") -> str:
    """A sheet with the answers in the order of its rows; those that are missing stay blank."""
    if suffix == "jsonl":
        rows = [json.loads(line) for line in (sampled / f"{language}.jsonl").read_text("utf-8").splitlines()]
        lines = [json.dumps(row | answer) for row, answer in zip(rows, answers + [{}] * len(rows))]  # noqa: B905
        to.write_text("\n".join(lines), "utf-8")
        return str(to)
    with (sampled / f"{language}.csv").open(encoding="utf-8-sig", newline="") as file:
        heading, *cells = csv.reader(file)
    names = [name.split()[0] for name in heading]
    for row, answer in zip(cells, answers):  # noqa: B905
        for name, value in answer.items():
            row[names.index(name)] = value
    with to.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([heading, *cells])
    return str(to)


GOOD = {"in_language": "yes", "quality": "good"}
JUNK = {"in_language": "Yes ", "quality": "JUNK", "comment": "'=menu"}


def key_option(sampled: Path) -> list[str]:
    return ["--key", str(sampled.with_name("a.key.json"))]


@pytest.mark.spark
def test_filled_sheets_give_precision_agreement_and_a_list_of_sites(sampled: Path, tmp_path: Path) -> None:
    thai = fill(sampled, "tha_Thai", [GOOD] * 99, tmp_path / "thai.csv")
    urdu = fill(sampled, "urd_Arab", [GOOD, JUNK, {"in_language": "no"}, {"in_language": "yes"}], tmp_path / "urdu.csv")
    second = fill(sampled, "urd_Arab", [GOOD, GOOD, {"in_language": "no"}], tmp_path / "second.jsonl", "jsonl")
    out, listed = tmp_path / "out.json", tmp_path / "verified.toml"
    options = ["-o", str(out), "--verified", str(listed), "--bar", "0.2", "--least", "1"]
    result = audit("read", thai, urdu, second, *key_option(sampled), *options)
    assert result.exit_code == 0, result.output
    assert f"{urdu}: row 5: quality is not answered; counted as unanswered" in " ".join(result.output.split())
    assert "Cohen" in result.output and "verified" in result.output
    data = json.loads(out.read_text())
    key = key_of(sampled)
    fates = {id_: key["strata"][item["stratum"]] for id_, item in key["items"].items()}
    ids = [json.loads(line)["id"] for line in (sampled / "urd_Arab.jsonl").open("rb")][:3]
    thai_kept = [each for each in data["kept"] if each.get("language") == "tha_Thai"]
    assert thai_kept[0]["precision"]["share"] == 1.0
    judged = sum(
        rule["precision"]["judged"] for rule in data["rules"] if rule.get("language") == "urd_Arab" and "rule" in rule
    )
    judged += sum(kept["precision"]["judged"] for kept in data["kept"] if kept.get("language") == "urd_Arab")
    assert judged == len(ids) == 3 and {fates[id_]["language"] for id_ in ids} == {"urd_Arab"}
    [quality] = [each for each in data["agreement"] if each["question"] == "quality"]
    assert (quality["language"], quality["agreement"]["items"], quality["agreement"]["agreed"]) == ("urd_Arab", 2, 0.5)
    found = verified.load(str(listed))
    assert found and found["tha_Thai"] and all("." in host for host in found["tha_Thai"])
    toml = audit("read", thai, *key_option(sampled), "-o", str(tmp_path / "out.toml"), "--verified", str(listed))
    assert " 0 sites; for a recipe" in " ".join(toml.output.split()) and verified.load(str(listed)) == {}
    assert toml.exit_code == 0 and "[[kept]]" in (tmp_path / "out.toml").read_text()


def sheet(folder: Path, text: str | bytes, name: str = "s.csv") -> str:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return str(path)


KEY = {
    "format": 1,
    "strata": [{"language": "urd_Arab", "rule": None, "documents": 9}],
    "items": {f"x{n}": {"stratum": 0, "site": None, "weight": 1, "document": "d"} for n in range(3)},
}
HEAD = "id,in_language (yes/mixed/no),quality,pii,unsafe,comment"


@pytest.mark.parametrize(
    "name, content, error",
    [
        ("s.csv", f"{HEAD}\nx0,yes,good,,,\nx9,yes,good,,,", "row 3: the key has no document 'x9'"),
        ("s.csv", f"{HEAD}\nx0,ja,good,,,", "row 2: in_language: 'ja' is no answer; one of yes, mixed, no, or nothing"),
        ("s.csv", "id,quality\nx0,good", "row 2: the column in_language is missing; there are id, quality"),
        ("s.csv", f"{HEAD}\nx0,yes,good,,,\n\nX0,no,,,,", "row 4: document x0 stands in row 2 already"),
        ("s.csv", f'{HEAD}\n"x0\n",yes,good,,,\nx1,yes', "row 3: 2 cells under 6 headings"),
        ("s.csv", HEAD.encode() + b"\nx0,yes,good,,,\xe9", "is no UTF-8; save the spreadsheet as CSV UTF-8"),
        ("s.xlsx", "PK", "neither .csv nor .jsonl; save a spreadsheet as CSV UTF-8"),
        ("s.jsonl", '{"id": "x0"', "row 1: no JSON"),
        ("s.jsonl", "[1]", "row 1: no JSON object"),
        ("s.jsonl", "[" * 100_000, "row 1: no JSON"),
        ("s.jsonl", '\n{"id": "x0", "quality": "good"}', "row 2: the column in_language is missing"),
        (
            "s.jsonl",
            '{"id": "x0", "in_language": 1, "quality": [], "pii": {}, "unsafe": null}',
            "in_language: '1' is no answer",
        ),
        ("s.csv", f"{HEAD}\nx0,,,,,", "none of the sheets has an answered document"),
        ("s.csv", "", "none of the sheets has an answered document"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_one_line(tmp_path: Path, name: str, content: str | bytes, error: str) -> None:
    key = sheet(tmp_path, json.dumps(KEY), "key.json")
    found = error_of("read", sheet(tmp_path, content, name), "--key", key)
    assert error in found and found.count("\n") == 1 and len(found) < 400 + len(str(tmp_path))


def test_each_wrong_row_has_its_line_up_to_a_limit(tmp_path: Path) -> None:
    key = sheet(tmp_path, json.dumps(KEY), "key.json")
    rows = "\n".join(f"y{n},yes,good,,," for n in range(50))
    found = error_of("read", sheet(tmp_path, f"{HEAD}\n{rows}"), "--key", key).splitlines()
    assert len(found) == 21 and "row 2:" in found[0] and found[-1] == "and 30 more"


@pytest.mark.parametrize("content", ["", "{}", '{"format": 9}', "[]"])
def test_a_key_that_is_none(tmp_path: Path, content: str) -> None:
    found = error_of("read", sheet(tmp_path, HEAD), "--key", sheet(tmp_path, content, "key.json"))
    assert "key.json: " in found and found.count("\n") == 1
    assert "--key nothing.json: cannot be read" in error_of("read", sheet(tmp_path, HEAD), "--key", "nothing.json")


@pytest.mark.parametrize("encoding, separator", [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t")])
def test_sheets_are_read_as_spreadsheets_save_them(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = f'{HEAD}\r\nx0,YES,good,,yes,"ஒன்று\r\nஇரண்டு, மூன்று"\r\nx1,no,,,,\r\n'.replace(",", separator)
    key = sheet(tmp_path, json.dumps(KEY), "key.json")
    result = audit("read", sheet(tmp_path, rows.encode(encoding)), "--key", key)
    assert result.exit_code == 0, result.output
    assert "2 of 3 documents judged" in result.output and "0.0%" in result.output


# the column


@pytest.mark.spark
def test_a_list_of_sites_fills_the_column_without_measuring_again(judged_twice: Any, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(judged_twice.root, root)
    kept = [row for path in (root / "kept").glob("*/*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    assert {row["verified"] for row in kept} == {None}
    before = {path.name: path.stat().st_mtime_ns for path in (root / "documents").glob("*.parquet")}
    sites = sorted({url.site(row["url"]) for row in kept if row["language"] == "ben"})
    (tmp_path / "verified.toml").write_text(f"[sites]\nben_Beng = {json.dumps(sites[:1])}\n", "utf-8")
    settings = [f"urls.blocklist=['{SAMPLES / 'blocklist'}']", "cutoffs=english"]
    settings.append(f"audit.verified={tmp_path / 'verified.toml'}")
    source = [str(SAMPLES / "crawl" / "*.warc.gz")]
    stages.run(recipe.load("demo", input=source, output=str(root), settings=settings), Console(quiet=True))
    assert {path.name: path.stat().st_mtime_ns for path in (root / "documents").glob("*.parquet")} == before
    rows = [row for path in (root / "kept").glob("*/*.parquet") for row in pq.ParquetFile(path).read().to_pylist()]
    assert len(rows) == len(kept)
    for row in rows:
        assert row["verified"] is (row["language"] == "ben" and url.site(row["url"]) in sites[:1])
    assert any(row["verified"] for row in rows) and len({url.site(row["url"]) for row in rows}) > 5
    assert "the column `verified` is true" in (root / "README.md").read_text()


def test_a_host_stands_for_its_subdomains_in_its_language() -> None:
    sites = {"urd_Arab": frozenset({"bbc.co.uk", "xn--mgbai9azgqp6j.example"})}
    urls = ["https://www.bbc.co.uk/urdu", "https://bbc.co.uk", "https://notbbc.co.uk", None, "https://co.uk/", "مثال"]
    expected = [True, True, False, False, False, False]
    assert verified.column(sites, "urd_Arab", pa.chunked_array([urls])).to_pylist() == expected
    assert verified.column(sites, "tha_Thai", pa.chunked_array([urls])).to_pylist() == [False] * 6
    assert verified.column(None, "urd_Arab", pa.chunked_array([urls])).to_pylist() == [None] * 6


@pytest.mark.parametrize(
    "content, error",
    [
        (None, "no such file"),
        ("x", "not TOML"),
        ("a = 1", "it has no [sites]"),
        ('[sites]\nhindi = ["a.example"]', "sites.hindi: no language; write it as hin_Deva"),
        ('[sites]\nhin_Deva = "a.example"', "sites.hin_Deva: no list of hosts"),
        ('[sites]\nhin_Deva = ["https://a.example/x"]', "'https://a.example/x' is no host; write it as example.org"),
        ("[sites]\nhin_Deva = [3]", "'3' is no host"),
        ('[sites]\nhin_Deva = ["com"]', "'com' is no host"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, content: str | None, error: str) -> None:
    path = tmp_path / "verified.toml"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(recipe.RecipeError, match=r"^audit\.verified: ") as raised:
        verified.load(str(path))
    assert error.lower() in str(raised.value).lower() and "\n" not in str(raised.value)
