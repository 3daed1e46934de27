"""HTTP responses as a browser reads them: headers that lie about the body are believed only where the body agrees."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import brotli
import zstandard

HEADER_BYTES = 1 << 16
_STATUS_LINE = re.compile(rb"(?:HTTP/\d(?:\.\d)?|ICY)[ \t]+(\d{3})(?!\d)[^\n]{0,4096}\n?", re.IGNORECASE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,1024})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_INTERIM_RESPONSES = 5
_LISTS = {"link", "x-robots-tag"}  # whose repetitions are read together (RFC 9110, 5.3)
_CODINGS = 3  # codings one on another that are undone; more is an attack


class TooLarge(Exception):
    """The decoded body is over the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int  # 200 where there is no status line (HTTP/0.9, or a record that holds the body alone)
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names; of repeated ones the first, or a list
    body: bytes  # as sent


def parse_response(block: bytes) -> Response:
    """Status, headers and the undecoded body; interim (1xx) responses before the real one are passed over."""
    for _ in range(_INTERIM_RESPONSES):
        status = _STATUS_LINE.match(block)
        if not status:
            break
        end = _HEADER_END.search(block, status.end() - 2, HEADER_BYTES)
        headers = block[status.end() : end.start() if end else HEADER_BYTES]
        body = block[end.end() :] if end else b""
        if not 100 <= int(status[1]) < 200 or not body:
            return Response(status=int(status[1]), headers=_parse_headers(headers), body=body)
        block = body
    return Response(status=200, body=block)


def _parse_headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in block.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon and not line[0].isspace():
            if name in _LISTS and name in headers:
                headers[name] += ", " + value.strip()
            headers.setdefault(name, value.strip())
    return headers


def decode_body(response: Response, limit: int) -> bytes:
    """The body without transfer and content coding. TooLarge once more than `limit` bytes come out.

    A body that is not in the coding its header names is taken as it stands; one that breaks off gives what came before.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _dechunk(body)
    names = [name.strip() for name in response.headers.get("content-encoding", "").lower().split(",")]
    for name in reversed(names[-_CODINGS:]):
        if decoder := _DECODERS.get(name):
            body = decoder(body, limit)
    if len(body) > limit:
        raise TooLarge
    return body


def _dechunk(body: bytes) -> bytes:
    chunks: list[bytes] = []
    position = 0
    while size := _CHUNK_SIZE.match(body, position):
        end = size.end() + int(size[1], 16)
        if end == size.end():
            return b"".join(chunks)
        line_end = _LINE_END.match(body, end)
        if not chunks and not line_end and end < len(body):  # a plain body that happens to begin with a number
            return body
        chunks.append(body[size.end() : end])
        position = line_end.end() if line_end else end
    return b"".join(chunks) if chunks else body


def _inflate(body: bytes, limit: int, window_bits: int) -> bytes | None:
    """None if not one byte could be decoded."""
    unzip = zlib.decompressobj(window_bits)
    pieces, total, tail = [], 0, body
    while tail and not unzip.eof:
        try:
            piece = unzip.decompress(tail, 1 << 20)
        except zlib.error:
            break
        total += len(piece)
        if total > limit:
            raise TooLarge
        pieces.append(piece)
        tail = unzip.unconsumed_tail
    return b"".join(pieces) if total or unzip.eof else None


def _gunzip(body: bytes, limit: int) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    decoded = _inflate(body, limit, 31)
    return body if decoded is None else decoded


def _deflate(body: bytes, limit: int) -> bytes:
    """RFC 9110 says zlib; some servers send the bare stream. Plain text would rarely pass for either."""
    if body[:1].isspace() or body[:1] == b"<":
        return body
    for window_bits in (15, -15):
        if decoded := _inflate(body, limit, window_bits):
            return decoded
    return body


def _unbrotli(body: bytes, limit: int) -> bytes:
    if body[:16].lstrip()[:1] == b"<":  # a page, sent as it is
        return body
    decoder = brotli.Decompressor()
    pieces, total, data = [], 0, body
    while not decoder.is_finished():
        try:
            piece = decoder.process(data, output_buffer_limit=1 << 20)
        except brotli.error:
            break
        data = b""
        total += len(piece)
        if total > limit:
            raise TooLarge
        pieces.append(piece)
        if not piece and decoder.can_accept_more_data():
            break
    return b"".join(pieces) if total else body


def _unzstd(body: bytes, limit: int) -> bytes:
    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        return body
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 23).stream_reader(body)  # RFC 8878: 8 MB on the web
    try:
        decoded = reader.read(limit + 1)
    except zstandard.ZstdError:
        return body
    if len(decoded) > limit:
        raise TooLarge
    return decoded


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
