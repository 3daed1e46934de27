"""PDFs for the tests of the job: real text in several scripts, and everything a stranger may send instead."""

import gzip
import io
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pymupdf

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "pages"
FONTS = {"cmn_Hani": "china-s", "jpn_Jpan": "japan", "kor_Hang": "korea", "rus_Cyrl": "china-s", "eng_Latn": "tiro"}
WIDTH, HEIGHT, MARGIN, SIZE = 420, 595, 40, 11  # points: A5


def paragraphs(label: str) -> list[str]:
    articles = tomllib.loads((SAMPLES / f"{label}.toml").read_text("utf-8"))["article"]
    return [line for article in articles for line in article["text"].strip().split("\n\n")]


def book(label: str, pages: int, *, title: str = "") -> pymupdf.Document:
    """A document of the sample texts, a running head and a page number on every page."""
    document, texts = pymupdf.open(), paragraphs(label)
    for number in range(pages):
        page = document.new_page(width=WIDTH, height=HEIGHT)
        put(page, label, title or "Sample", (MARGIN, 12, WIDTH - MARGIN, 30), 9)
        body = "\n\n".join(texts[(2 * number + i) % len(texts)] for i in range(2))
        put(page, label, body, (MARGIN, 60, WIDTH - MARGIN, HEIGHT - 60), SIZE)
        put(page, label, str(number + 1), (WIDTH / 2 - 10, HEIGHT - 30, WIDTH / 2 + 20, HEIGHT - 10), 9)
    return document


def put(page: pymupdf.Page, label: str, text: str, box: tuple[float, float, float, float], size: float) -> None:
    """Text wrapped into the box; smaller where it does not fit."""
    while page.insert_textbox(pymupdf.Rect(box), text, fontname=FONTS[label], fontsize=size) < 0:
        size *= 0.9


def scan_of(document: pymupdf.Document, dpi: int = 120) -> pymupdf.Document:
    """The same pages as pictures."""
    scanned = pymupdf.open()
    for page in document:
        copy = scanned.new_page(width=page.rect.width, height=page.rect.height)
        copy.insert_image(copy.rect, stream=page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY).tobytes("jpeg"))
    return scanned


def raw(objects: list[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1, the first of which is the catalogue."""
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def warc(url: str, body: bytes, content_type: str = "application/pdf") -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type.encode(), len(body))
    head = [
        "WARC/1.0", "WARC-Type: response", f"WARC-Target-URI: {url}", "WARC-Date: 2026-03-01T10:00:00Z",
        f"WARC-Record-ID: <urn:uuid:{url}>", "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(http) + len(body)}",
    ]  # fmt: skip
    return gzip.compress("\r\n".join(head).encode() + b"\r\n\r\n" + http + body + b"\r\n\r\n")


def write_all(folder: Path) -> None:
    """Good files at the top, in a zip, a tar and a WARC file; bad ones beside them."""
    folder.mkdir()
    book("rus_Cyrl", 4, title="Вестник реки").save(folder / "russian.pdf")
    book("cmn_Hani", 3, title="河边新闻").save(folder / "chinese.pdf")
    english = book("eng_Latn", 3, title="River News")
    english.insert_pdf(scan_of(book("eng_Latn", 1)), start_at=1)  # the second page is a scan
    english.new_page(width=WIDTH, height=HEIGHT)
    english.save(folder / "mixed.pdf")
    korean, japanese = book("kor_Hang", 2).tobytes(), book("jpn_Jpan", 2).tobytes()
    with zipfile.ZipFile(folder / "books.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../poems/korean.pdf", korean)
        archive.writestr("readme.txt", "no PDF")
    with tarfile.open(folder / "books.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("/etc/japanese.pdf")
        member.size = len(japanese)
        tar.addfile(member, io.BytesIO(japanese))
    page = "<html><body><p>" + " ".join(paragraphs("eng_Latn")[:6]) + "</p></body></html>"
    (folder / "crawl.warc.gz").write_bytes(
        warc("https://books.example/russian.pdf", book("rus_Cyrl", 2, title="Журнал").tobytes())
        + warc("https://books.example/page.html", page.encode(), "text/html")
    )
    _write_bad(folder)


def _write_bad(folder: Path) -> None:
    catalogue = b"<< /Type /Catalog /Pages 2 0 R >>"
    (folder / "page.pdf").write_text("<!DOCTYPE html><html><p>страница не найдена</p></html>")
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "no-pages.pdf").write_bytes(raw([catalogue, b"<< /Type /Pages /Kids [] /Count 0 >>"]))
    (folder / "loop.pdf").write_bytes(raw([catalogue, b"<< /Type /Pages /Kids [2 0 R] /Count 1000000000 >>"]))
    whole = book("rus_Cyrl", 3).tobytes()
    (folder / "truncated.pdf").write_bytes(whole[: len(whole) // 8])
    secret = book("eng_Latn", 1)
    secret.save(folder / "encrypted.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")
    wide = pymupdf.open()
    sheet = wide.new_page(width=2_834_645, height=300)  # a kilometre
    put(sheet, "rus_Cyrl", paragraphs("rus_Cyrl")[0], (10, 10, 400, 290), 10)
    wide.save(folder / "wide.pdf")
    (folder / "packed.zip").write_bytes(b"PK\x03\x04" + b"damaged" * 20)
