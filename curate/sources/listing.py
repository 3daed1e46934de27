"""Which files a path means, and what is in them: globs, folders, single files and Common Crawl's path lists."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from curate.sources.opening import READ_ERRORS, one_line, open_decompressed, open_raw
from curate.sources.record import InputError
from curate.sources.sniff import SNIFF_BYTES, sniff_format

FORMATS = ("warc", "wet", "arc", "wat", "jsonl", "parquet", "html", "mediawiki", "pdf", "zip", "tar", "pages")
PAGES_SUFFIX = ".pages.parquet"  # of PDFs, as an earlier run left them
PDF_FORMATS = ("pdf", "zip", "tar")  # zip and tar: of PDFs
UNKNOWN = "unknown"
CRAWL_HTTPS = "https://data.commoncrawl.org/"
CRAWL_S3 = "s3://commoncrawl/"
LIST_BYTES = 1 << 28  # of a path list, decompressed; Common Crawl's largest are about 20 MB

_SUFFIXES = {
    "warc": "warc", "wet": "wet", "wat": "wat", "arc": "arc", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl",
    "parquet": "parquet", "html": "html", "htm": "html", "xhtml": "html", "xml": "mediawiki",
    "pdf": "pdf", "zip": "zip", "tar": "tar", "tgz": "tar", "tbz2": "tar",
}  # fmt: skip
_COMPRESSION = re.compile(r"\.(?:gz|bz2|zst|zstd)$")
_PATH_LIST = re.compile(r"\.paths(?:\.gz)?$")
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file to read. `bytes` on disk; 0: not asked, as for the files of a path list."""

    path: str  # absolute, or a URL
    format: str
    bytes: int = 0


def list_inputs(paths: Sequence[str], format: str = "auto") -> list[InputFile]:
    """The files that `paths` mean, sorted by path, each once. InputError for a path that means none."""
    if format not in ("auto", *FORMATS):
        raise InputError(f"unknown format {format!r}; the formats are auto, {', '.join(FORMATS)}")
    found = {file.path: file for path in paths for file in _expand(path, format)}
    return [found[path] for path in sorted(found)]


def _expand(path: str, format: str) -> Iterator[InputFile]:
    try:
        if _PATH_LIST.search(path) and not _GLOB.search(path):
            files = [(name, 0) for name in _read_path_list(path)]
        else:
            files = list(_find(path))
    except InputError:
        raise
    except Exception as error:  # each file system raises its own kinds; a user's typing error ends up in any of them
        raise InputError(f"{path}: cannot be listed: {one_line(error)}") from error
    if not files:
        raise InputError(f"{path}: no file matches")
    for name, size in files:
        yield InputFile(path=name, format=detect_format(name) if format == "auto" else format, bytes=size)


def _find(path: str) -> Iterator[tuple[str, int]]:
    """Paths and sizes under a glob, a folder or a file name. Inside globs and folders hidden files are passed over."""
    system, name = url_to_fs(path)
    if _GLOB.search(path) and not system.exists(name):
        root = re.split(r"[^/]*[*?\[]", name, maxsplit=1)[0]
        for match, info in sorted(system.glob(name, detail=True).items()):
            if not _hidden(match, root):
                yield from _walk(system, match, info)
        return
    try:
        info = system.info(name)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file or folder") from None
    yield from _walk(system, name, info)


def _walk(system: fsspec.AbstractFileSystem, name: str, info: dict[str, Any]) -> Iterator[tuple[str, int]]:
    if info["type"] != "directory":
        yield _full_name(system, name), int(info.get("size") or 0)
        return
    for inner, details in sorted(system.find(name, detail=True).items()):
        if not _hidden(inner, name):
            yield _full_name(system, inner), int(details.get("size") or 0)


def _hidden(name: str, root: str) -> bool:
    """Below `root`: .crc files, _SUCCESS, _temporary/, .git/ ..."""
    return any(part.startswith((".", "_")) for part in name[len(root) :].split("/"))


def _full_name(system: fsspec.AbstractFileSystem, name: str) -> str:
    return name if system.protocol in ("file", ("file", "local")) else system.unstrip_protocol(name)


# --- path lists ----------------------------------------------------------------------------------------------------


def _read_path_list(path: str) -> Iterable[str]:
    """The files that a Common Crawl `*.paths.gz` names: beside it, else in Common Crawl's bucket or on its server."""
    try:
        with open_decompressed(path) as file:
            lines = file.read(LIST_BYTES + 1)
    except READ_ERRORS as error:
        raise InputError(f"{path}: the path list cannot be read: {one_line(error)}") from error
    if len(lines) > LIST_BYTES:
        raise InputError(f"{path}: a path list of more than {LIST_BYTES} bytes")
    system, name = url_to_fs(path)
    local = system.protocol in ("file", ("file", "local"))
    base = crawl_base(path)
    folder = name.rpartition("/")[0]
    for line in lines.decode("utf-8", "replace").splitlines():
        relative = line.strip()
        if not relative:
            continue
        if relative.startswith(CRAWL_HTTPS) or relative.startswith(CRAWL_S3):
            yield relative
            continue
        if "://" in relative or relative.startswith("/") or ".." in relative.split("/"):
            raise InputError(f"{path}: {relative[:100]!r} is no path below {base}")
        beside = f"{folder}/{relative}"
        yield beside if local and system.exists(beside) else base + relative


def crawl_base(path: str) -> str:
    """Where the files of a path list are that do not lie beside it: a list from S3 means S3."""
    return CRAWL_S3 if path.startswith("s3://") else CRAWL_HTTPS


# --- formats -------------------------------------------------------------------------------------------------------


def detect_format(path: str) -> str:
    """From the name, else from the first bytes; "unknown" for a file of none of our formats, or that cannot be read."""
    stem = _COMPRESSION.sub("", path.lower().partition("?")[0])
    if stem.endswith(PAGES_SUFFIX):
        return "pages"
    if known := _SUFFIXES.get(stem.rpartition("/")[2].rpartition(".")[2]):
        return known
    try:
        with open_raw(path) as file:
            return sniff_format(file.read(SNIFF_BYTES))
    except READ_ERRORS:
        return UNKNOWN
