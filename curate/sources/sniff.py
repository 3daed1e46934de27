"""What some bytes are, from their beginning: the format of a file, or whether a body is a page."""

import bz2
import re
import zlib

import zstandard

from curate.sources.opening import BZIP2_MAGIC, GZIP_MAGIC, ZSTD_MAGIC, ZSTD_WINDOW

SNIFF_BYTES = 1 << 14
PAGE_TYPES = {"text/html", "application/xhtml+xml", "text/plain"}
_VAGUE_TYPES = {"", "application/octet-stream", "unknown/unknown", "application/unknown", "*/*", "text"}
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,512}>\s*)?(?:<!--.{0,4096}?-->\s*)?"
    rb"<(?:!doctype\s+html|html|head|body|title|meta|h1|div|table)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_BINARY = (
    b"%PDF-", b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0",
    b"RIFF", b"OggS", b"ID3", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"7z\xbc\xaf", b"Rar!", b"wOFF", b"wOF2",
    b"\x00\x01\x00\x00", b"\x7fELF", b"MZ\x90", b"{\\rtf", b"%!PS-", b"FWS", b"CWS", b"\x00\x00\x01\x00", b"\x1aE\xdf\xa3",
)  # fmt: skip
# Readers look for the header in the first kilobyte (ISO 32000-1, annex H.3.4.1)
PDF = re.compile(rb"[^<]{0,1019}?%PDF-", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # "binary data bytes" of the WHATWG MIME Sniffing Standard
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FORMATS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("parquet", re.compile(rb"PAR1")),
    ("warc", re.compile(rb"\s*WARC/[01]\.\d")),
    ("arc", re.compile(rb"filedesc://\S+ ")),
    (
        "mediawiki",
        re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,512}>\s*)?(?:<!.{0,4096}?>\s*)?<mediawiki\b", re.DOTALL),
    ),
    ("jsonl", re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*["}]')),
    ("html", _HTML),
    ("pdf", PDF),
    ("tar", re.compile(rb".{257}ustar", re.DOTALL)),
)


def sniff_format(beginning: bytes) -> str:
    """The `Split.format` of a file that begins so, compressed or not; "unknown" for none of ours."""
    data = _decompressed_beginning(beginning)
    return next((name for name, pattern in _FORMATS if pattern.match(data)), "unknown")


def _decompressed_beginning(data: bytes) -> bytes:
    try:
        if data.startswith(GZIP_MAGIC):
            return zlib.decompressobj(31).decompress(data, SNIFF_BYTES)
        if data.startswith(BZIP2_MAGIC):
            return bz2.BZ2Decompressor().decompress(data, SNIFF_BYTES)
        if data.startswith(ZSTD_MAGIC):
            return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).stream_reader(data).read(SNIFF_BYTES)
    except (zlib.error, OSError, zstandard.ZstdError):
        return b""
    return data


def page_problem(body: bytes, content_type: str | None) -> str | None:
    """Why a body is no page: "empty", "pdf", "content_type" or None. HTML, XHTML and plain text are pages.

    The header decides, unless the body begins as a known binary file or, under any other header, as an HTML document.
    """
    if not body.strip():
        return "empty"
    mime = (content_type or "").partition(";")[0].strip().lower()
    start = body[:SNIFF_BYTES]
    if start.startswith(b"%PDF-"):
        return "pdf"
    if start.startswith(_BINARY):
        return "content_type"
    if _HTML.match(start) or mime in PAGE_TYPES - {"text/plain"}:
        return None
    if mime == "text/plain" or mime in _VAGUE_TYPES:
        binary = _CONTROL.search(start, 0, 1445) and not start.startswith(_UTF16_MARKS)
        return "content_type" if binary else None
    return "content_type"
