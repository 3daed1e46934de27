"""Whose documents a run may not hold: requests by URL, id and site, kept with the run so that none comes back.

URLs and ids are kept as digests: the record of what was forgotten must not be a list of it. Sites stay readable.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from curate.recipe import RecipeError
from curate.runfolder import RunFolder, exists, read_json
from curate.sources.opening import READ_ERRORS, one_line, open_decompressed
from filters.url import host

REASON = "forgotten"
BLANK_ID = "forgotten-"  # before the digest of the id it replaces
LIST_BYTES = 1 << 28
_AUTHORITY = re.compile(r"\s{0,99}(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:)?//[^/?#\\\s]*")
_PAGE = re.compile(r"#page=\d{1,9}$")
_HOST = re.compile(r"(?:[^\s/:?#@.<>]{1,63}\.){1,20}[^\s/:?#@.<>\d][^\s/:?#@.<>]{0,62}")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Digests of ids and URLs, and hosts."""

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, ids: Iterable[str] = (), urls: Iterable[str] = (), sites: Iterable[str] = ()) -> "Forgotten":
        """RecipeError for a site that is no host."""
        hosts = {site: host(site if "//" in site else f"//{site}") for site in sites}
        for site, name in hosts.items():
            if name is None or not _HOST.fullmatch(name):
                raise RecipeError(f"{site[:100]!r} is no site; write a host such as example.org")
        return cls(
            frozenset(digest(_pdf_of(_normal_id(each))) for each in ids),
            frozenset(digest(normal_url(each)) for each in urls),
            frozenset(filter(None, hosts.values())),
        )

    def __or__(self, other: "Forgotten") -> "Forgotten":
        return Forgotten(self.ids | other.ids, self.urls | other.urls, self.sites | other.sites)

    def __bool__(self) -> bool:
        return bool(self.ids or self.urls or self.sites)

    def holds(self, id_: str | None, url: str | None) -> bool:
        """Whether a document with this id or URL is among them; a site stands for its subdomains too, an id for the parts
        that its record was split into.
        """
        if self.ids and id_ and not self.ids.isdisjoint(map(digest, _names(_normal_id(id_)))):
            return True
        if self.urls and url and digest(normal_url(url)) in self.urls:
            return True
        name = host(url) if self.sites else None
        while name:
            if name in self.sites:
                return True
            name = name.partition(".")[2]
        return False

    def cleaned(self, failure: dict[str, Any]) -> dict[str, Any]:
        """A row of failed/ without what it says of a forgotten URL."""
        return failure | {"url": None, "error": REASON} if self.holds(None, failure["url"]) else failure


def digest(value: str) -> str:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def blank_id(id_: str) -> str:
    """What stands in place of a forgotten id: tells nobody, yet lets one who knows the id find the row."""
    return id_ if id_.startswith(BLANK_ID) else BLANK_ID + digest(_normal_id(id_))


def _names(id_: str) -> tuple[str, ...]:
    """The id, and those of the record and of the PDF which it may be a part of."""
    record, part, number = id_.rpartition("#")
    record = record if part and number.isdigit() else id_
    return (id_, record, _pdf_of(record))


def _pdf_of(id_: str) -> str:
    """A document of some pages of a PDF: who asks for it to be forgotten means the PDF."""
    return _PAGE.sub("", id_)


def _normal_id(id_: str) -> str:
    return id_.strip().removeprefix("<").removesuffix(">")


def normal_url(url: str) -> str:
    """Without scheme, user, port, www., fragment and final slash: whoever asks writes it as the browser shows it."""
    name, authority = host(url), _AUTHORITY.match(url)
    if name is None or authority is None:
        return url.strip()
    return name.removeprefix("www.") + url[authority.end() :].partition("#")[0].strip().rstrip("/")


def load_list(path: str | None) -> Forgotten:
    """A list of what is never to be read: an id, URL or host a line; `id:`, `url:` or `site:` before it settles which."""
    if path is None:
        return Forgotten()
    try:
        with open_decompressed(path) as file:
            lines = file.read(LIST_BYTES + 1).decode("utf-8-sig")
    except (*READ_ERRORS, UnicodeDecodeError) as error:
        raise RecipeError(f"forget.list: {path}: cannot be read: {one_line(error)}") from None
    if len(lines) > LIST_BYTES:
        raise RecipeError(f"forget.list: {path}: more than {LIST_BYTES} bytes")
    found: dict[str, list[str]] = {"id": [], "url": [], "site": []}
    for line in lines.splitlines():
        entry = line.partition(" #")[0].strip()
        if entry and not entry.startswith("#"):
            kind, value = _kind(entry)
            found[kind].append(value)
    return Forgotten.of(ids=found["id"], urls=found["url"], sites=found["site"])


def _kind(entry: str) -> tuple[str, str]:
    kind, colon, value = entry.partition(":")
    if colon and kind in ("id", "url", "site"):
        return kind, value.strip()
    if "://" in entry:
        return "url", entry
    name, slash, _ = entry.partition("/")
    if _HOST.fullmatch(name):
        return ("url", f"//{entry}") if slash else ("site", entry)
    return "id", entry


def stored(folder: RunFolder) -> Forgotten:
    """All that was ever asked of this run, finished or not."""
    return reduce(Forgotten.__or__, map(_request, requests(folder)), Forgotten())


def requests(folder: RunFolder) -> list[dict[str, Any]]:
    return list(read_json(folder.forgotten)["requests"]) if exists(folder.forgotten) else []


def _request(request: dict[str, Any]) -> Forgotten:
    return Forgotten(*(frozenset(request[name]) for name in ("ids", "urls", "sites")))
