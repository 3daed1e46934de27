"""HTTP bodies whose headers lie, and bombs in every coding."""

import gzip
import zlib

import brotli
import pytest
import zstandard

from curate.sources.http import Response, TooLarge, decode_body, parse_response
from curate.sources.sniff import page_problem

BODY = "<html><p>강가의 마을, गाँव, ភូមិ</p></html>".encode() * 20
LIMIT = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def chunked(data: bytes, size: int = 50, end: bytes = b"\r\n") -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x" % len(part) + end + part + end for part in parts) + b"0" + end + end


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def decode(body: bytes, limit: int = LIMIT, **headers: str) -> bytes:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return decode_body(Response(status=200, headers=fields, body=body), limit)


@pytest.mark.parametrize("coding", CODINGS)
def test_codings(coding: str) -> None:
    packed = CODINGS[coding](BODY)
    assert decode(packed, content_encoding=coding) == BODY
    assert decode(chunked(packed), content_encoding=coding.upper(), transfer_encoding="chunked") == BODY
    assert decode(BODY, content_encoding=coding) == BODY  # the header lies: the body was stored decoded
    assert BODY.startswith(decode(packed[: len(packed) * 3 // 4], content_encoding=coding)) or coding in ("br", "zstd")


def test_bare_deflate_several_codings_and_unknown_ones() -> None:
    assert decode(raw_deflate(BODY), content_encoding="deflate") == BODY
    assert decode(brotli.compress(gzip.compress(BODY)), content_encoding="gzip, br") == BODY
    assert decode(BODY, content_encoding="identity") == BODY
    assert decode(BODY, content_encoding="UTF-8") == BODY


@pytest.mark.parametrize("coding", CODINGS)
def test_bombs(coding: str) -> None:
    bomb = CODINGS[coding](bytes(8 << 20))
    with pytest.raises(TooLarge):
        decode(bomb, content_encoding=coding)
    with pytest.raises(TooLarge):
        decode(bytes(LIMIT + 1))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chunked(BODY), BODY),
        (chunked(BODY, end=b"\n"), BODY),
        (b"5;name=value\r\nabcde\r\n0\r\nTrailer: x\r\n\r\n", b"abcde"),
        (b"0\r\n\r\n", b""),
        (BODY, BODY),  # says chunked, is not
        (b"10\nyears ago there was a village by the river", b"10\nyears ago there was a village by the river"),
        (b"5\r\nabcde\r\n5\r\nfg", b"abcdefg"),  # broken off
        (b"5\r\nabcde\r\nnonsense", b"abcde"),
        (b"ffffffff\r\nabc", b"abc"),
    ],
)
def test_chunks(body: bytes, expected: bytes) -> None:
    assert decode(body, transfer_encoding="chunked") == expected


@pytest.mark.parametrize(
    ("block", "status", "header", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", 200, "text/html", b"<p>"),
        (b"HTTP/1.0 404\nCONTENT-TYPE:text/html\n\nx", 404, "text/html", b"x"),
        (b"HTTP/2 200\r\ncontent-type: a\r\ncontent-type: b\r\n\r\n", 200, "a", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: a\r\n\r\nx", 201, "a", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\nbody", 200, None, b"body"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: cut", 200, "cut", b""),
        (b"<html>no status line</html>", 200, None, b"<html>no status line</html>"),
        (b"", 200, None, b""),
        (b"HTTP/1.1 200 " + "नमस्ते".encode() + b"\r\nContent-Type: a\r\n folded: no\r\n\r\n\r\nx", 200, "a", b"\r\nx"),
    ],
)
def test_parse_response(block: bytes, status: int, header: str | None, body: bytes) -> None:
    response = parse_response(block)
    assert (response.status, response.headers.get("content-type"), response.body) == (status, header, body)


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        ("﻿<!-- x -->\n<!DOCTYPE HTML>".encode(), None, None),
        (b"<?xml version='1.0'?><html>", "application/xml", None),
        (b"<?xml version='1.0'?><rss>", "application/rss+xml", "content_type"),
        ("ภาษาไทย".encode("utf-16"), "text/plain", None),
        ("<p>日本語".encode("shift_jis"), "text/html", None),
        ("मराठी".encode("utf-16-le"), "text/html; charset=utf-16le", None),
        (b"PK\x03\x04....", "text/html", "content_type"),
        (b"\x00\x01\x02", "text/plain", "content_type"),
        (b'{"a": 1}', "application/json", "content_type"),
        (b"\n\t ", "image/png", "empty"),
    ],
)
def test_page_problem(body: bytes, content_type: str | None, problem: str | None) -> None:
    assert page_problem(body, content_type) == problem
