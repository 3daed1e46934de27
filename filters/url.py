"""URLs: host and registered domain, and blocklists in the format of UT1 (Université Toulouse Capitole)."""

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

import pyarrow as pa
import tldextract

_SCHEME = re.compile(r"\s{0,99}(?:([A-Za-z][A-Za-z0-9+.-]{0,20}):)?//")
_HOST_END = re.compile(r"[/?#\\\s]")
_BOUNDARY = re.compile(r"[/?#&]")
_HOST_CHARACTERS = 253  # RFC 1035
_PREFIXES = 64  # cuts of one URL that are looked up; no list is that specific
_UT1_FILES = ("domains", "urls")


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode", "replace").decode("ascii")


def _normal_host(authority: str) -> str | None:
    """Lower case, A-labels, without user, port and final dot; an IPv6 address keeps its brackets."""
    name = authority.rpartition("@")[2]
    if name.startswith("["):
        return name.partition("]")[0].lower() + "]" if "]" in name else None
    name = name.partition(":")[0].lower().rstrip(".")
    if not name.isascii():
        name = ".".join(map(_ascii_label, name.replace("\u3002", ".").split(".")))
    return name if name and len(name) <= _HOST_CHARACTERS else None


def _split(url: str) -> tuple[str | None, str]:
    """Host and the rest, from the path on. Without a scheme, only //host counts: `mailto:` and `javascript:` have none."""
    scheme = _SCHEME.match(url)
    if not scheme:
        return None, ""
    end = _HOST_END.search(url, scheme.end())
    stop = end.start() if end else len(url)
    return _normal_host(url[scheme.end() : stop]), url[stop:]


def host(url: str | None) -> str | None:
    """The host in lower case and ASCII (punycode), without user and port; None where there is none. Never raises."""
    return _split(url)[0] if url else None


@cache
def _suffixes() -> tldextract.TLDExtract:
    """The public suffix list bundled with tldextract: no network, no files written."""
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(maxsize=1 << 16)
def _registered_domain(name: str) -> str:
    return _suffixes()(name).top_domain_under_public_suffix or name


def site(url: str | None) -> str | None:
    """The registered domain (bbc.co.uk), or the host itself where it has none (an address, localhost). Never raises."""
    name = host(url)
    return _registered_domain(name) if name else None


def _parents(name: str) -> Iterator[str]:
    """The host and its parent domains, longest first; an address has no parents."""
    yield name
    if name.startswith("[") or name.rpartition(".")[2].isdigit():
        return
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _without_www(name: str) -> str:
    return name[4:] if name.startswith("www.") else name


def _prefixes(path: str) -> Iterator[str]:
    """The path cut at each boundary, shortest first, so that /a/b is a prefix of /a/b/c and /a/b?x but not of /a/bc."""
    for count, boundary in enumerate(_BOUNDARY.finditer(path, 1)):
        if count == _PREFIXES:
            return
        yield path[: boundary.start()]
    yield path


class Blocklist:
    """Hosts and URL prefixes, each under the name of the category or list it came from."""

    def __init__(self) -> None:
        self._hosts: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}  # host and path
        self._prefix_hosts: set[str] = set()

    def __len__(self) -> int:
        return len(self._hosts) + len(self._prefixes)

    @classmethod
    def load(cls, paths: Iterable[str | Path], *, categories: Sequence[str] | None = None) -> "Blocklist":
        """Reads UT1 folders and plain lists, either of them gzipped or not.

        A folder is one category (files `domains` and `urls`) or holds such folders; of those, `categories` selects.
        Any other file is a list named after it: a host, or host and path, a line; # begins a comment. An entry listed
        twice counts under the name read first. Raises ValueError for an unknown category, naming the known ones, and
        for a path that holds no list.
        """
        lists = [entry for path in paths for entry in _find_lists(Path(path))]
        known = {name for name, _ in lists}
        unknown = sorted(set(categories or ()) - known)
        if unknown:
            raise ValueError(f"unknown blocklist category {unknown[0]!r}: one of {', '.join(sorted(known))}")
        blocklist = cls()
        for name, file in lists:
            if categories is None or name in categories:
                blocklist._read(name, file)
        return blocklist

    def _read(self, name: str, file: Path) -> None:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as entries:
            for line in entries:
                self._add(name, line.decode("utf-8", "replace").partition(" #")[0].strip())

    def _add(self, name: str, entry: str) -> None:
        if not entry or entry.startswith("#"):
            return
        listed, path = _split(entry if "//" in entry else "//" + entry)
        if not listed or ("." not in listed and ":" not in listed):
            return  # a top-level domain would block a country
        path = path.rstrip("/")
        if not path:
            self._hosts.setdefault(listed, name)
            return
        listed = _without_www(listed)
        self._prefixes.setdefault(listed + path, name)
        self._prefix_hosts.add(listed)

    def _category(self, url: str) -> str | None:
        name, path = _split(url)
        if name is None:
            return None
        hosts = self._hosts
        for parent in _parents(name):
            if parent in hosts:
                return hosts[parent]
        bare = _without_www(name)
        if bare not in self._prefix_hosts:
            return None
        return next((self._prefixes[bare + cut] for cut in _prefixes(path) if bare + cut in self._prefixes), None)

    def blocked(self, url: pa.StringArray) -> pa.StringArray:
        """The category or list that blocks each URL, by its host, a parent domain or a prefix of it; null: not blocked."""
        return pa.array([self._category(value) if value else None for value in url.to_pylist()], pa.string())


def _find_lists(path: Path) -> list[tuple[str, Path]]:
    """Category and file of each list at a path, in the order of their names."""
    if path.is_file():
        name = path.name.removesuffix(".gz")
        return [(path.parent.name if name in _UT1_FILES else name.partition(".")[0], path)]
    found = [file for file in sorted(path.rglob("*")) if file.is_file() and file.name.removesuffix(".gz") in _UT1_FILES]
    if not found:
        raise ValueError(f"no blocklist at {path}: a file of hosts, or a folder with files named domains or urls")
    return [(file.parent.name, file) for file in found]
