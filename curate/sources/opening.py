"""Opening inputs through fsspec, decompressed by what they are, not by what they are called."""

import bz2
import gzip
import io
import zlib
from typing import BinaryIO

import fsspec
import zstandard

GZIP_MAGIC = b"\x1f\x8b\x08"
BZIP2_MAGIC = b"BZh"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BUFFER_BYTES = 1 << 16  # so much, decompressed, is lost in front of damage
ZSTD_WINDOW = 1 << 27  # `zstd --long=27`; larger windows are refused
READ_ERRORS = (OSError, EOFError, zlib.error, zstandard.ZstdError)


def open_raw(path: str) -> BinaryIO:
    """The file's bytes as stored. OSError (one line naming the path) where it cannot be opened."""
    try:
        return fsspec.open(path, "rb").open()
    except Exception as error:  # each file system raises its own kinds: botocore, aiohttp, ...
        raise OSError(f"{path}: {one_line(error)}") from error


def open_decompressed(path: str) -> BinaryIO:
    """The file decompressed by its first bytes (gzip, bzip2, Zstandard or none), whatever its name says."""
    raw = open_raw(path)
    magic = raw.read(4)
    raw.seek(0)
    return decompressed(raw, magic)


def decompressed(raw: BinaryIO, magic: bytes) -> BinaryIO:
    if magic.startswith(GZIP_MAGIC):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), BUFFER_BYTES)
    if magic.startswith(BZIP2_MAGIC):
        return io.BufferedReader(bz2.BZ2File(raw), BUFFER_BYTES)
    if magic.startswith(ZSTD_MAGIC):
        unzip = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        return io.BufferedReader(unzip.stream_reader(raw, read_across_frames=True), BUFFER_BYTES)
    return raw


def open_archive(path: str) -> BinaryIO:
    """For ArchiveStream: gzip stays as it is, so that offsets are those of the file. EOFError for an empty one."""
    raw = open_raw(path)
    magic = raw.read(4)
    if not magic:  # a download that failed: an archive without records would still begin with something
        raise EOFError(f"{path} is empty; an archive holds at least one record")
    raw.seek(0)
    return raw if magic.startswith(GZIP_MAGIC) else decompressed(raw, magic)


def one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
