"""The run folder: where each part lies, and the small JSON files that publish work.

A task writes under an attempt's own name; its commit record, written last, names the files that count. Readers follow
the records, because object stores have no rename.
"""

import json
import posixpath
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow.parquet as pq


def join(*parts: str) -> str:
    return posixpath.join(*parts)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run below `root`, local or any fsspec URL."""

    root: str

    @property
    def documents(self) -> str:
        return join(self.root, "documents")

    @property
    def pages(self) -> str:
        """Pages of PDFs; an input of its own for another run."""
        return join(self.root, "pages")

    @property
    def pages_plan(self) -> str:
        """Settings and input plan of what lies in pages/."""
        return join(self.pages, "_plan.json")

    @property
    def pages_commits(self) -> str:
        return join(self.pages, "_commits")

    @property
    def failed(self) -> str:
        return join(self.root, "failed")

    @property
    def kept(self) -> str:
        return join(self.root, "kept")

    @property
    def dropped(self) -> str:
        return join(self.root, "dropped")

    @property
    def measured_commits(self) -> str:
        return join(self.documents, "_commits")

    @property
    def run(self) -> str:
        """Settings and input plan of what lies in documents/."""
        return join(self.root, "run.json")

    @property
    def manifest(self) -> str:
        return join(self.root, "manifest.json")

    @property
    def contamination(self) -> str:
        """What of the benchmarks was found, record by record."""
        return join(self.root, "contamination.json")

    @property
    def forgotten(self) -> str:
        """What was asked to be forgotten, and what was done."""
        return join(self.root, "forgotten.json")

    def decisions(self, fingerprint: str) -> str:
        return join(self.root, "decisions", fingerprint)

    def clusters(self, fingerprint: str) -> str:
        return join(self.root, "clusters", fingerprint)

    def verification(self, fingerprint: str) -> str:
        """What looking again at the candidate pairs found."""
        return join(self.clusters(fingerprint), "_verification.json")

    def rehydration(self, fingerprint: str) -> str:
        """How often to repeat the kept documents, by language and cluster size."""
        return join(self.decisions(fingerprint), "_rehydration.json")

    def written_commits(self, fingerprint: str) -> str:
        return join(self.decisions(fingerprint), "_written")

    def relative(self, path: str) -> str:
        return path.removeprefix(self.root).lstrip("/")


def filesystem(path: str) -> tuple[Any, str]:
    """fsspec's filesystem and the path on it."""
    return fsspec.core.url_to_fs(path)


@contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, read as far as it is asked for, and closed with all that was opened for it."""
    fs, inner = filesystem(path)
    with fs.open(inner, "rb") as file, pq.ParquetFile(file) as parquet:
        yield parquet


def exists(path: str) -> bool:
    fs, inner = filesystem(path)
    return bool(fs.exists(inner))


def read_json(path: str) -> Any:
    with fsspec.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def write_json(path: str, value: Any, *, indent: int | None = None) -> None:
    """Whole or not at all: an object store publishes on close, a local file is renamed into place."""
    write_bytes(path, json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8"))


def write_bytes(path: str, data: bytes) -> None:
    with publishing(path) as file:
        file.write(data)


class publishing:
    """`with publishing(path) as file`: the file appears under its name once complete; an error leaves none."""

    def __init__(self, path: str) -> None:
        self._fs, self._path = filesystem(path)
        local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))
        folder, name = posixpath.split(self._path)
        self._fs.makedirs(folder, exist_ok=True)
        self._written = join(folder, f"_{name}.{unique()}") if local else self._path

    def __enter__(self) -> Any:
        self._file = self._fs.open(self._written, "wb")
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None or self._written != self._path:
                self._file.close()
            if kind is None and self._written != self._path:
                self._fs.mv(self._written, self._path)
        finally:
            if self._written != self._path and self._fs.exists(self._written):
                self._fs.rm(self._written)


def unique() -> str:
    """The name of an attempt."""
    return uuid.uuid4().hex[:12]


def list_files(folder: str, suffix: str = "") -> list[str]:
    """Full paths of the files in `folder`, not below it, sorted; none where there is no such folder."""
    fs, inner = filesystem(folder)
    if not fs.exists(inner):
        return []
    return sorted(
        join(folder, posixpath.basename(path)) for path in fs.ls(inner, detail=False) if path.endswith(suffix)
    )


def read_all_json(folder: str) -> list[Any]:
    """Every JSON file of a folder, in order of name; read side by side, since a large run has many."""
    paths = [path for path in list_files(folder, ".json") if not posixpath.basename(path).startswith("_")]
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(read_json, paths))


def remove(path: str) -> None:
    fs, inner = filesystem(path)
    if fs.exists(inner):
        fs.rm(inner, recursive=True)


def remove_partial(folder: str) -> None:
    """Files that `publishing` had begun when it was killed."""
    for path in walk(folder, ""):
        if re.fullmatch(r"_.+\.[0-9a-f]{12}", posixpath.basename(path)):
            remove(path)


def walk(folder: str, suffix: str) -> Iterator[str]:
    """Paths of all files below `folder`, sorted."""
    fs, inner = filesystem(folder)
    if fs.exists(inner):
        for path in sorted(fs.find(inner)):
            if path.endswith(suffix):
                yield join(folder, path[len(inner) :].lstrip("/"))
