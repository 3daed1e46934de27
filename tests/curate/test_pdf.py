"""PDFs to shards: one run over good and bad files; its pages, documents, failures and accounts."""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pymupdf
import pytest
from click.testing import CliRunner
from rich.console import Console

from curate import forget, manifest, plan, recipe, stages
from curate.cli import main
from curate.forgotten import Forgotten
from curate.pdf.genres import genre_of
from curate.pdf.stage import read_unit
from curate.runfolder import RunFolder, read_json
from tests.curate import pdfs
from tests.filters.ocr.models import need_tesseract
from thresholds.page_rules import PageRules

SETTINGS = [
    'pdf.languages=["eng_Latn"]',
    'pdf.ocr=["tesseract"]',
    "dedup.enabled=false",
    "extract.screen=false",
    'pdf.genres={ "*/poems/*" = "verse" }',
]


@pytest.fixture(scope="module")
def run(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_tesseract("eng_Latn")
    root = tmp_path_factory.mktemp("pdf")
    pdfs.write_all(root / "in")
    resolved = recipe.load("pdf", input=[str(root / "in")], output=str(root / "run"), settings=SETTINGS)
    stages.run(resolved, Console(quiet=True))
    return root / "run"


def pages_of(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "pages" / "*.pages.parquet", hive_partitioning=False)


def documents_of(run: Path) -> dict[str, dict[str, Any]]:
    """Measured documents by the name of their file and their first page."""
    rows = pl.read_parquet(run / "documents" / "*.parquet").to_dicts()
    return {f"{row['source']['file'].rpartition('/')[2]} {(row['pages'] or [0])[0]}": row for row in rows}


def test_every_page_is_accounted_for(run: Path) -> None:
    stage = read_json(str(run / "manifest.json"))["stages"]
    files, pages = stage["files"], stage["pages"]
    assert files["in"] == 14 and files["in"] == files["read"] + sum(files["failed"].values())
    assert pages["in"] == pages["kept"] + sum(pages["dropped"].values()) + sum(pages["failed"].values())
    assert pages["in"] == 4 + 3 + 5 + 2 + 2 + 2 + 1, "russian, chinese, mixed, Korean, Japanese, WARC, wide"
    assert pages["dropped"]["blank"] == 1
    assert all(check.ok for check in manifest.verify(str(run)))


def test_what_cannot_be_read_says_why(run: Path) -> None:
    rows = pl.read_parquet(run / "failed" / "*.parquet").to_dicts()
    found = {row["file"].rpartition("/")[2]: (row["reason"], row["error"]) for row in rows}
    assert len(rows) == len(found)
    assert {name: reason for name, (reason, _) in found.items()} == {
        "page.pdf": "not_pdf",
        "empty.pdf": "not_pdf",
        "no-pages.pdf": "no_pages",
        "loop.pdf": "malformed",
        "truncated.pdf": "malformed",
        "encrypted.pdf": "encrypted",
        "packed.zip": "unreadable",
    }
    assert "begins with %PDF-" in found["page.pdf"][1] and "password" in found["encrypted.pdf"][1]
    assert all("\n" not in error and error for _, error in found.values())


def test_consecutive_pages_are_one_document_without_their_running_heads(run: Path) -> None:
    document = documents_of(run)["russian.pdf 1"]
    assert document["pages"] == [1, 2, 3, 4] and document["id"].endswith("#page=1")
    assert (document["language"], document["language_script"]) == ("rus", "Cyrl")
    words = [paragraph[:40].split()[:3] for paragraph in pdfs.paragraphs("rus_Cyrl")[:8]]
    places = [document["text"].find(" ".join(first)) for first in words]
    assert -1 not in places and places == sorted(places)
    assert "Вестник реки" not in document["text"]
    roles = Counter(block["role"] for row in pages_of(run).to_dicts() for block in row["blocks"])
    assert roles["running_head"] >= 4 and roles["page_number"] >= 4


def test_a_scan_is_recognised_and_its_place_in_the_document_kept(run: Path) -> None:
    pages = pages_of(run).filter(pl.col("name").str.ends_with("mixed.pdf")).sort("page").to_dicts()
    assert [page["route"] for page in pages] == ["text", "scan", "text", "text", "blank"]
    scan = pages[1]
    assert scan["engine"] == "tesseract" and scan["signals"]["ocr_confidence_mean"] > 0.8
    words = set(" ".join(block["text"] for block in scan["blocks"]).split())
    wanted = set(" ".join(pdfs.paragraphs("eng_Latn")[:2]).split())
    assert len(words & wanted) > 0.9 * len(wanted)
    assert documents_of(run)["mixed.pdf 1"]["pages"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "language"),
    [("chinese.pdf 1", "cmn"), ("books.zip 1", "kor"), ("books.tar.gz 1", "jpn"), ("crawl.warc.gz 1", "rus")],
)
def test_files_members_and_records_in_their_languages(run: Path, name: str, language: str) -> None:
    assert documents_of(run)[name]["language"] == language


def test_a_pdf_in_a_warc_is_a_document_and_the_page_beside_it_too(run: Path) -> None:
    documents = documents_of(run)
    pdf, page = documents["crawl.warc.gz 1"], documents["crawl.warc.gz 0"]
    assert pdf["url"] == "https://books.example/russian.pdf" and pdf["date"].startswith("2026-03-01")
    assert pdf["id"] == "urn:uuid:https://books.example/russian.pdf#page=1"
    assert page["url"] == "https://books.example/page.html" and page["pages"] is None
    assert read_json(str(run / "manifest.json"))["input"]["other_records"]["pdf"] == 1


def test_a_rerun_reads_nothing_again(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
    source = str(run.parent / "in")
    stages.run(recipe.load("pdf", input=[source], output=str(run), settings=SETTINGS), Console(quiet=True))
    after = {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
    assert {path: time_ for path, time_ in after.items() if "summary" not in str(path)}.items() <= before.items()


def test_other_page_rules_need_no_pdf(run: Path, tmp_path: Path) -> None:
    settings = [*SETTINGS, "pdf.cutoffs=setu-pages"]
    resolved = recipe.load("pdf", input=[str(run / "pages")], output=str(tmp_path / "again"), settings=settings)
    stages.run(resolved, Console(quiet=True))
    first, second = (read_json(str(r / "manifest.json"))["stages"]["pages"] for r in (run, tmp_path / "again"))
    assert second["in"] == first["in"] and second["dropped"] != first["dropped"], "Setu's values are stricter"
    assert all(check.ok for check in manifest.verify(str(tmp_path / "again")))


def test_pages_are_drawn_with_what_dropped_them(run: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["inspect", str(run), "--pages", str(tmp_path / "svg"), "--reason", "kept"])
    assert result.exit_code == 0, result.output
    drawn = sorted((tmp_path / "svg").glob("*.svg"))
    assert len(drawn) == 10 and all("data:image/png" in path.read_text("utf-8") for path in drawn)
    result = CliRunner().invoke(main, ["inspect", str(run), "--pages", str(tmp_path / "x"), "--reason", "nonsense"])
    assert result.exit_code == 1 and "blank (1)" in result.output


def test_a_forgotten_pdf_leaves_no_text(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    document = documents_of(copy)["crawl.warc.gz 1"]
    forget.forget(RunFolder(str(copy)), Forgotten.of(ids=[document["id"]]))
    left = [row for row in pages_of(copy).to_dicts() if row["name"] == document["url"] and row["blocks"]]
    assert not left and all(check.ok for check in manifest.verify(str(copy)))
    assert len(pages_of(copy)) == len(pages_of(run))


def test_genres_are_found_by_glob() -> None:
    genres = {"*/poems/*": "verse", "*.pdf": "table"}
    names = ["/x/poems/a.pdf", "books/a.pdf", "https://x.example/поэзия"]
    assert [genre_of(name, genres) for name in names] == ["verse", "table", "prose"]


def test_ocr_without_a_language_stops_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(recipe.RecipeError, match=r"pdf\.ocr needs to know what to read: give pdf\.languages"):
        recipe.load("pdf", input=["x"], output=str(tmp_path), settings=['pdf.ocr=["tesseract"]'])


def test_a_missing_engine_stops_before_any_work(run: Path, tmp_path: Path) -> None:
    settings = ['pdf.languages=["sat_Olck"]', 'pdf.ocr=["tesseract"]']
    resolved = recipe.load("pdf", input=[str(run.parent / "in")], output=str(tmp_path / "x"), settings=settings)
    with pytest.raises(recipe.RecipeError, match=r"pdf\.ocr: none of tesseract can read sat_Olck as installed here"):
        plan.make(resolved)
    assert not (tmp_path / "x").exists()


def test_ten_thousand_pages_and_a_page_of_a_million_glyphs(tmp_path: Path, spark: object) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    many = pymupdf.open()
    for number in range(10_000):
        many.new_page(width=200, height=100).insert_text((20, 40), f"Page {number} of a very long book")
    many.save(folder / "many.pdf")
    line = "x" * 1000
    page = b"BT /F1 1 Tf " + b"".join(b"1 0 0 1 0 %d Tm (%s) Tj " % (y, line.encode()) for y in range(1000)) + b"ET"
    fonts = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    (folder / "dense.pdf").write_bytes(
        pdfs.raw(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 1000] /Contents 4 0 R /Resources %s >>" % fonts,
                b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
            ]
        )
    )
    start = time.monotonic()
    resolved = recipe.load("pdf", input=[str(folder)], output=str(tmp_path / "run"), settings=["dedup.enabled=false"])
    stages.run(resolved, Console(quiet=True))
    pages = read_json(str(tmp_path / "run" / "manifest.json"))["stages"]["pages"]
    assert pages["in"] == 10_001 and time.monotonic() - start < 300


def test_the_data_source_gives_pages_and_errors(spark: Any, run: Path) -> None:
    from curate.pdf.datasource import PdfDataSource

    spark.dataSource.register(PdfDataSource)
    rows = spark.read.format("pdf").load(str(run.parent / "in" / "*.pdf")).toArrow().to_pylist()
    errors = {row["source"]["file"].rpartition("/")[2]: row["error"] for row in rows if row["error"]}
    assert errors["page.pdf"].startswith("not_pdf: ") and errors["encrypted.pdf"].startswith("encrypted: ")
    pages = Counter(row["name"].rpartition("/")[2] for row in rows if not row["error"])
    assert pages == {"russian.pdf": 4, "chinese.pdf": 3, "mixed.pdf": 5, "wide.pdf": 1}
    scan = next(row for row in rows if row["route"] == "scan")
    assert scan["reason"] == "needs_ocr", "no engine was asked for"


def test_page_cutoffs_are_derived_from_the_pages_of_a_run(run: Path, tmp_path: Path) -> None:
    given = ["calibrate", str(run), "--pages", "-o", str(tmp_path / "pages.toml")]
    result = CliRunner().invoke(main, [*given, "-m", "tail"])
    assert result.exit_code == 0 and "rus_Cyrl" in result.output, result.output
    entry = PageRules.load(str(tmp_path / "pages.toml")).table.languages["rus_Cyrl"]
    assert all("too few" in (rule.provenance.fallback or "") for rule in entry.rules), "seven pages are no population"
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 1 and "quantile carries English cutoffs over, and needs 30 pages" in result.output


def test_a_run_cut_short_goes_on_and_new_files_are_added(spark: object, tmp_path: Path) -> None:
    source, root = tmp_path / "in", tmp_path / "run"
    source.mkdir()
    for label in ("rus_Cyrl", "kor_Hang"):
        book = pdfs.book(label, 2)
        book.embfile_add(
            "padding", random.Random(label).randbytes(1_500_000)
        )  # a task of its own: a file of over a MiB
        book.save(source / f"{label}.pdf")
    resolved = recipe.load("pdf", input=[str(source)], output=str(root), settings=["dedup.enabled=false"])
    planned = plan.make(resolved)
    assert len(planned.pdf_units) == 2
    plan.save_pages(planned)
    first = read_unit(planned.pdf_units[0], resolved, str(root))
    stray = root / "pages" / "000001-0123456789ab.pages.parquet"
    stray.write_bytes(b"an attempt that was killed")
    stages.run(resolved, Console(quiet=True))
    files = {path.name for path in (root / "pages").glob("*.parquet")}
    assert first["file"] in files and stray.name not in files and len(files) == 2
    assert read_json(str(root / "manifest.json"))["stages"]["pages"]["in"] == 4

    pdfs.book("jpn_Jpan", 3).save(source / "jpn_Jpan.pdf")
    stages.run(resolved, Console(quiet=True))
    assert files < {path.name for path in (root / "pages").glob("*.parquet")}
    assert read_json(str(root / "manifest.json"))["stages"]["pages"]["in"] == 7
    assert all(check.ok for check in manifest.verify(str(root)))
