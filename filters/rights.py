"""What a page and its HTTP headers say of its licence and of uses that its owner opts out of.

Looked for in the bytes of the page, without parsing it: `rel=license` anywhere, robots and TDM meta tags in its head.
Pages in UTF-16 are not looked at. Nothing is judged here: null means that nothing was said.
"""

import re
from collections.abc import Iterable, Mapping
from html import unescape
from urllib.parse import urljoin, urlsplit

HEAD_BYTES = 1 << 17
TAG_BYTES = 1 << 11
MENTIONS = 32  # of the word license that are looked at
URL_CHARACTERS = 1000
ROBOTS = ("noai", "noimageai")  # DeviantArt's directives, 2022
TDM = "tdm-reservation"  # W3C TDM Reservation Protocol: 1 reserves the rights

_LICENSE = re.compile(rb"rel\s{0,4}=\s{0,4}[\"']?[^\"'<>]{0,64}?\blicense\b", re.IGNORECASE)
_HREF = re.compile(
    rb"\bhref\s{0,4}=\s{0,4}(?:\"([^\"]{1,1000})\"|'([^']{1,1000})'|([^\s\"'<>]{1,1000}))", re.IGNORECASE
)
_META = re.compile(rb"<meta\b[^<>]{0,1000}>", re.IGNORECASE)
_NAME = re.compile(rb"\bname\s{0,4}=\s{0,4}[\"']?([\w-]{1,64})", re.IGNORECASE)
_CONTENT = re.compile(rb"\bcontent\s{0,4}=\s{0,4}[\"']?([^\"'<>]{0,500})", re.IGNORECASE)
_LINK_HEADER = re.compile(
    r"<([^<>]{1,1000})>[^,<>]{0,200};\s{0,4}rel\s{0,4}=\s{0,4}\"?[^\",<>]{0,64}?\blicense\b", re.IGNORECASE
)


def license_of(page: bytes, url: str | None) -> str | None:
    """The http address that the first link with rel=license has, made absolute by the page's own."""
    for n, mention in enumerate(_LICENSE.finditer(page)):
        if n == MENTIONS:
            break
        start = page.rfind(b"<", max(0, mention.start() - TAG_BYTES), mention.start())
        end = page.find(b">", mention.end(), mention.end() + TAG_BYTES)
        if start < 0 or end < 0 or b">" in page[start : mention.start()]:
            continue
        tag = page[start:end]
        href = _HREF.search(tag) if re.match(rb"<(?:a|link|area)\b", tag, re.IGNORECASE) else None
        if href and (found := absolute(unescape((href[1] or href[2] or href[3]).decode("utf-8", "replace")), url)):
            return found
    return None


def absolute(address: str, url: str | None) -> str | None:
    """The address as http(s), else None."""
    try:
        found = urljoin(url or "", address.strip())
        return found[:URL_CHARACTERS] if urlsplit(found).scheme in ("http", "https") else None
    except ValueError:
        return None


def opt_outs_of(page: bytes) -> set[str]:
    """Directives of the robots and TDM meta tags in the page's head, whichever crawler they are for."""
    found: set[str] = set()
    for meta in _META.finditer(page[:HEAD_BYTES]):
        name, content = _NAME.search(meta[0]), _CONTENT.search(meta[0])
        if not (name and content):
            continue
        value = content[1].decode("latin-1").lower()
        if name[1].lower() == TDM.encode():
            found |= {TDM} & _reserved(value)
        else:
            found |= _directives(value) if name[1].lower() in (b"robots", b"googlebot", b"bingbot") else set()
    return found


def of_headers(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """(license, opt_out) that HTTP headers state; their names in lower case."""
    link = _LINK_HEADER.search(headers.get("link", "")[:8000])
    found = _directives(headers.get("x-robots-tag", "")) | _reserved(headers.get(TDM, ""))
    return absolute(link[1], None) if link else None, joined(found)


def _directives(value: str) -> set[str]:
    """`noai, noimageai`, with or without the name of a crawler before it."""
    return {*ROBOTS} & {word.rpartition(":")[2] for word in re.split(r"[\s,;]+", value.lower()[:2000])}


def _reserved(value: str) -> set[str]:
    return {TDM} if value.strip() == "1" else set()


def joined(directives: Iterable[str]) -> str | None:
    """As the column opt_out has them: sorted, a comma between; null for none."""
    return ", ".join(sorted(directives)) or None


def of_page(
    page: bytes, url: str | None, *, license_: str | None = None, opt_out: str | None = None
) -> tuple[str | None, str | None]:
    """(license, opt_out) of a page and of its headers together; the header's licence comes first."""
    found = {*(opt_out.split(", ") if opt_out else ()), *(opt_outs_of(page) if _may_opt_out(page) else ())}
    return license_ or (license_of(page, url) if b"icense" in page or b"ICENSE" in page else None), joined(found)


def _may_opt_out(page: bytes) -> bool:
    head = page[:HEAD_BYTES].lower()
    return b"noai" in head or b"noimageai" in head or TDM.encode() in head
