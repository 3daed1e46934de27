"""Lines that a site repeats are cut from all its documents; the rest stays as it was."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate import manifest, recipe, stages
from curate.recipe import RecipeError
from filters.segment import segment
from filters.site_lines import site_lines
from thresholds.table import CutoffTable

QUIET = Console(quiet=True)
MENU = "Home | News | Sport | About us | Contact"
COOKIES = {
    "eng_Latn": "We use cookies to make this site better for you. Accept all",
    "hin_Deva": "हम आपके अनुभव को बेहतर बनाने के लिए कुकीज़ का उपयोग करते हैं।",
    "tha_Thai": "เว็บไซต์นี้ใช้คุกกี้เพื่อพัฒนาประสบการณ์การใช้งานของคุณ",
    "cmn_Hani": "本网站使用Cookie来改善您的使用体验，继续浏览即表示同意。",
    "arb_Arab": "نستخدم ملفات تعريف الارتباط لتحسين تجربتك على هذا الموقع",
}
SENTENCES = {
    "eng_Latn": "My neighbours repaired the old bridge last week, and now the children walk to school again past house",
    "hin_Deva": "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं घर",
    "tha_Thai": "สัปดาห์ที่แล้วเพื่อนบ้านของฉันซ่อมสะพานเก่า ตอนนี้เด็ก ๆ เดินไปโรงเรียนได้อีกครั้ง บ้านเลขที่",
    "cmn_Hani": "上个星期邻居们修好了那座旧桥，现在孩子们又可以走路去上学了，经过房子",
    "arb_Arab": "أصلح جيراني الجسر القديم في الأسبوع الماضي والآن يستطيع الأطفال الذهاب إلى المدرسة مشيا على الأقدام بيت",
}


def body(label: str, page: int) -> str:
    return "\n".join(f"{SENTENCES[label]} {page} {line}." for line in range(5))


def site(label: str, pages: int) -> list[dict]:
    """Pages with a menu above and a cookie line below, its case and spacing changing; each has an address beside it."""
    found = []
    for page in range(pages):
        cookie = COOKIES[label].upper() if page % 2 else COOKIES[label].replace(" ", "  ")
        text = f"{MENU}\n{body(label, page)}\nmail ann@example.org now {page}\n{cookie}"
        found.append({"id": f"{label}-{page}", "url": f"https://{label[:3]}.example/p/{page}", "text": text})
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [row for label in COOKIES for row in site(label, 6)]
    rows.append({"id": "empty", "url": "https://eng.example/e", "text": f"{MENU}\n\n{COOKIES['eng_Latn']}"})
    rows.append({"id": "elsewhere", "url": "https://other.example/e", "text": f"{MENU}\n{body('eng_Latn', 77)}"})
    rows.append({"id": "no url", "text": f"{MENU}\n{body('eng_Latn', 78)}"})
    for capture in range(8):  # one page captured often is no boilerplate of itself
        rows.append({"id": f"same-{capture}", "url": f"https://same.example/?{capture}", "text": body("eng_Latn", 99)})
    with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "none.toml").write_text(CutoffTable({}, "none", "").dump(), "utf-8")
    return tmp_path


def curated(folder: Path, *settings: str) -> Path:
    base = ["boilerplate.lines=4", f"cutoffs={folder / 'none.toml'}", "dedup.bands=50", "dedup.rows=2", *settings]
    stages.run(recipe.load("web", input=[str(folder / "in.jsonl")], output=str(folder / "run"), settings=base), QUIET)
    return folder / "run"


def rows(folder: Path) -> dict[str, dict]:
    files = sorted(folder.glob("**/*.parquet"))
    return {row["id"]: row for file in files for row in pq.ParquetFile(file).read().to_pylist()}


@pytest.mark.spark
def test_what_a_site_repeats_is_cut_and_nothing_else(spark: object, folder: Path) -> None:
    run = curated(folder, "dedup.enabled=false")
    kept, dropped = rows(run / "kept"), rows(run / "dropped")
    assert set(dropped) == {"empty"} and dropped["empty"]["drop_reasons"] == ["boilerplate"]
    for label in COOKIES:
        for page in range(6):
            assert kept[f"{label}-{page}"]["text"] == f"{body(label, page)}\nmail email@example.com now {page}"
    assert kept["elsewhere"]["text"] == f"{MENU}\n{body('eng_Latn', 77)}"
    assert kept["no url"]["text"] == f"{MENU}\n{body('eng_Latn', 78)}"
    assert kept["same-3"]["text"] == body("eng_Latn", 99)
    assert all(check.ok for check in manifest.verify(str(run)))
    account = json.loads((run / "manifest.json").read_text("utf-8"))
    assert account["boilerplate"] == {"documents": 30, "lines": 60}
    assert "60 from 30 documents" in (run / "README.md").read_text("utf-8")
    assert account["stages"]["decide"]["dropped"] == {"boilerplate": 1}


@pytest.mark.spark
def test_other_numbers_measure_nothing_again_and_a_rerun_changes_nothing(spark: object, folder: Path) -> None:
    run = curated(folder, "dedup.enabled=false")
    before = json.loads((run / "manifest.json").read_text("utf-8"))
    measured = {path: path.stat().st_mtime_ns for path in (run / "documents").glob("*.parquet")}
    curated(folder, "dedup.enabled=false")
    assert json.loads((run / "manifest.json").read_text("utf-8"))["content_hash"] == before["content_hash"]
    curated(folder, "dedup.enabled=false", "boilerplate.lines=7")
    assert json.loads((run / "manifest.json").read_text("utf-8"))["boilerplate"] == {"documents": 6, "lines": 12}
    curated(folder, "dedup.enabled=false", "boilerplate.lines=7", "boilerplate.share=1.0")
    assert json.loads((run / "manifest.json").read_text("utf-8"))["boilerplate"] == {"documents": 6, "lines": 12}
    curated(folder, "dedup.enabled=false", "boilerplate.lines=8")
    assert MENU in rows(run / "kept")["eng_Latn-0"]["text"]
    assert measured == {path: path.stat().st_mtime_ns for path in (run / "documents").glob("*.parquet")}
    with pytest.raises(RecipeError, match="other settings of boilerplate"):
        curated(folder, "dedup.enabled=false", "boilerplate.lines=0")


@pytest.mark.spark
def test_copies_count_once(spark: object, folder: Path) -> None:
    """With dedup a cluster is one document: the pages of one language are near copies here, so nothing repeats."""
    run = curated(folder)
    sizes = {row["minhash_cluster_size"] for row in rows(run / "kept").values()}
    assert max(sizes) >= 6
    assert json.loads((run / "manifest.json").read_text("utf-8"))["boilerplate"] == {}


# --- the column


def lines(text: str | None, words: int = 3, most: int = 500) -> list[dict] | None:
    return site_lines(segment(pa.array([text], pa.string())), words=words, most=most).to_pylist()[0]


def test_spans_are_code_points_with_the_line_end() -> None:
    text = "\n😀 one two three\nno no\n\n  चार पाँच छह !!\nlast line it is"
    found = lines(text)
    assert found is not None
    assert [text[each["start"] : each["end"]] for each in found] == [
        "😀 one two three\n",
        "  चार पाँच छह !!\n",
        "last line it is",
    ]
    assert len({each["hash"] for each in found}) == 3


def test_case_punctuation_and_spacing_do_not_matter_but_figures_do() -> None:
    def hashes(text: str) -> list[int]:
        return [each["hash"] for each in lines(text) or []]

    assert hashes("We use  cookies.\n«WE USE COOKIES»") == 2 * hashes("we use cookies")
    assert len(set(hashes("12 34 56\n12 34 57\n1 2 3 4 5 6"))) == 3
    assert hashes("a b\nน\n漢字") == [] and len(hashes("漢字漢字漢字\nนนนนนนนนนนนน")) == 2


def test_odd_documents() -> None:
    assert lines(None) is None and lines("") == [] and lines("\n\n\n") == []
    many = "\n".join(f"line number {n}" for n in range(3000))
    found = lines(many, most=10)
    assert found is not None
    assert [many[each["start"] : each["end"]].split()[2] for each in found] == [
        *map(str, range(10)),
        *map(str, range(2990, 3000)),
    ]
    batch = pa.array(["a b c\nd e f", None, "", "g h i"])
    assert [each and len(each) for each in site_lines(segment(batch), words=3).to_pylist()] == [2, None, [], 1]
