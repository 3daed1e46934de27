"""WARC/1.0 records as Common Crawl writes them: one gzip member a record, the same bytes every time."""

import base64
import hashlib
import struct
import uuid
import zlib
from datetime import UTC, datetime, timedelta

CRAWL = "CC-MAIN-2026-21"
START = datetime(2026, 5, 18, 9, 34, 12, tzinfo=UTC)
Headers = list[tuple[str, str]]


def gzip_member(data: bytes) -> bytes:
    """RFC 1952 without time stamp or system byte: `gzip.compress` differs between Python versions."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    payload = deflate.compress(data) + deflate.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + payload + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def record_id(kind: str, url: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {url}')}>"


def date(sequence: int) -> str:
    return (START + timedelta(seconds=7 * sequence)).strftime("%Y-%m-%dT%H:%M:%SZ")


def member(kind: str, url: str, sequence: int, headers: Headers, block: bytes) -> bytes:
    """One record. `url` may hold anything but a line end: crawls do carry spaces, quotes and angle brackets."""
    lines = [("WARC-Type", kind), ("WARC-Date", date(sequence)), ("WARC-Record-ID", record_id(kind, url))]
    lines += [("Content-Length", str(len(block))), *headers]
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return gzip_member(head.encode() + block + b"\r\n\r\n")


def http_response(status: str, content_type: str, payload: bytes, content_encoding: str | None) -> bytes:
    headers = [f"HTTP/1.1 {status}", "Server: sample", f"Content-Type: {content_type}"]
    headers += [f"Content-Encoding: {content_encoding}"] if content_encoding else ["X-Crawler-Content-Encoding: gzip"]
    headers += [f"Content-Length: {len(payload)}", "Vary: Accept-Encoding"]
    return ("\r\n".join(headers) + "\r\n\r\n").encode() + payload


def warcinfo(file: str) -> bytes:
    fields = {
        "isPartOf": CRAWL,
        "publisher": "multicurate sample crawl",
        "description": "Pages written for the tests; every host is fictional",
        "software": "tests/samples/build.py",
        "robots": "none",
        "format": "WARC File Format 1.0",
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    return member("warcinfo", file, 0, [("Content-Type", "application/warc-fields"), ("WARC-Filename", file)], block)


def response(file: str, url: str, sequence: int, http: bytes, payload: bytes) -> bytes:
    headers = [
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Warcinfo-ID", record_id("warcinfo", file)),
        ("WARC-Concurrent-To", record_id("request", url)),
        ("WARC-IP-Address", f"203.0.113.{sequence % 250 + 1}"),
        ("WARC-Target-URI", url),
        ("WARC-Payload-Digest", digest(payload)),
        ("WARC-Block-Digest", digest(http)),
    ]
    return member("response", url, sequence, headers, http)


def request(file: str, url: str, sequence: int) -> bytes:
    host, _, path = url.removeprefix("https://").partition("/")
    block = f"GET /{path} HTTP/1.1\r\nUser-Agent: CCBot/2.0\r\nHost: {host}\r\nConnection: Keep-Alive\r\n\r\n".encode()
    headers = [
        ("Content-Type", "application/http; msgtype=request"),
        ("WARC-Warcinfo-ID", record_id("warcinfo", file)),
        ("WARC-Target-URI", url),
    ]
    return member("request", url, sequence, headers, block)


def metadata(file: str, url: str, sequence: int) -> bytes:
    headers = [
        ("Content-Type", "application/warc-fields"),
        ("WARC-Warcinfo-ID", record_id("warcinfo", file)),
        ("WARC-Concurrent-To", record_id("response", url)),
        ("WARC-Target-URI", url),
    ]
    return member("metadata", url, sequence, headers, f"fetchTimeMs: {100 + sequence}\r\n".encode())


def revisit(file: str, url: str, original: str, payload: bytes, sequence: int) -> bytes:
    """The server said 304, or the payload was seen before: headers only (WARC/1.0, section 6.7)."""
    headers = [
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Profile", "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"),
        ("WARC-Warcinfo-ID", record_id("warcinfo", file)),
        ("WARC-Target-URI", url),
        ("WARC-Refers-To-Target-URI", original),
        ("WARC-Payload-Digest", digest(payload)),
    ]
    return member("revisit", url, sequence, headers, b"HTTP/1.1 304 Not Modified\r\nServer: sample\r\n\r\n")


def malformed(url: str) -> bytes:
    """A header block without colons and with a length that is no number: only the next member is readable again."""
    return gzip_member(
        f"WARC/1.0\r\nWARC-Type response\r\nWARC-Target-URI {url}\r\nContent-Length: many\r\n\r\nlost".encode()
    )


def conversion(url: str, language: str, text: str, sequence: int) -> bytes:
    """A record of a WET file: plain text, menu lines and all."""
    block = text.encode()
    headers = [
        ("WARC-Target-URI", url),
        ("WARC-Refers-To", record_id("response", url)),
        ("WARC-Identified-Content-Language", language),
        ("WARC-Block-Digest", digest(block)),
        ("Content-Type", "text/plain"),
    ]
    return member("conversion", url, sequence, headers, block)
