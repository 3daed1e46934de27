"""Wikipedia's XML dumps (MediaWiki export schema 0.10 and 0.11), streamed: one record a page.

Entities are never declared, because a document type is refused outright (no billion laughs), and no token, field or
nesting grows beyond its limit.
"""

import re
import urllib.parse
from collections.abc import Iterator
from xml.parsers import expat

from curate.sources.opening import READ_ERRORS, one_line, open_decompressed
from curate.sources.record import Failure, Item, Record, Split
from curate.sources.wikitext import HIDDEN_NAMESPACES, to_text

READ_BYTES = 1 << 16
FIELD_CHARACTERS = 4096  # of every field but the text
DEPTH = 32
_PAGE = b"<page>"
_ROOT = b"<mediawiki>"
_DUMP_NAME = re.compile(r"([a-z][a-z0-9_]*)-(\d{8})-")
_FILE, _CATEGORY = "6", "14"  # namespace numbers
# path below the root -> name of the field
_FIELDS = {
    "siteinfo/base": "base",
    "siteinfo/dbname": "dbname",
    "page/title": "title",
    "page/ns": "ns",
    "page/id": "id",
    "page/revision/timestamp": "timestamp",
    "page/revision/model": "model",
    "page/revision/text": "text",
    "siteinfo/namespaces/namespace": "namespace",
}


class Refused(Exception):
    """One line: why the page (or, `whole_file`, everything behind) is not read."""

    def __init__(self, reason: str, error: str, *, whole_file: bool = False) -> None:
        super().__init__(error)
        self.reason, self.whole_file = reason, whole_file


def read_mediawiki(split: Split, *, limit_bytes: int) -> Iterator[Item]:
    """Every page of the newest revision in the file; pages that are no articles have a drop reason."""
    dump = _Dump(split.file, limit_bytes)
    with open_decompressed(split.file) as file:
        while not dump.stopped:
            try:
                data = file.read(READ_BYTES)
            except READ_ERRORS as error:
                yield Failure(
                    offset=dump.fed, reason="truncated", error=f"cannot be decompressed further: {one_line(error)}"
                )
                return
            yield from dump.feed(data) if data else dump.close()
            if not data:
                return


class _Dump:
    """The parser's state: the site, and the page being read."""

    def __init__(self, path: str, limit_bytes: int) -> None:
        self.fed = 0  # bytes of the decompressed file given to feed()
        self.stopped = False
        self._limit = limit_bytes
        self._carry: bytes | None = None  # behind damage: bytes in which the next page may begin; None: parsing
        name = _DUMP_NAME.match(path.replace("\\", "/").rpartition("/")[2])
        self._dump = f"{name[1]}-{name[2]}" if name else None
        self._site: dict[str, str] = {}
        self._hidden = set(HIDDEN_NAMESPACES)
        self._items: list[Item] = []
        self._new_parser(0)

    def feed(self, data: bytes) -> list[Item]:
        self.fed += len(data)
        while data and not self.stopped:
            data = self._parse(data) if self._carry is None else self._find_page(data)
        items, self._items = self._items, []
        return items

    def close(self) -> list[Item]:
        if self._carry is None and (self._path or not self._began):
            error = (
                "the file ends inside a page" if self._page_start is not None else "the file ends before </mediawiki>"
            )
            self._fail("truncated", error)
        return self._items

    # --- damage ------------------------------------------------------------------------------------------------

    def _parse(self, data: bytes) -> bytes:
        """Parse; what is left of `data` behind damage."""
        try:
            self._parser.Parse(data, False)
            if self.fed - self._position() > self._limit:
                raise Refused("too_large", f"a tag or comment of more than {self._limit} bytes")
            return b""
        except (expat.ExpatError, Refused) as error:
            refused = error if isinstance(error, Refused) else Refused("malformed", f"not well-formed XML: {error}")
        self._fail(refused.reason, f"{refused}; went on at the next page" if not refused.whole_file else str(refused))
        self.stopped = refused.whole_file
        self._carry = b""
        begin = self.fed - len(data)
        return data[max(0, self._position() + 1 - begin) :]

    def _find_page(self, data: bytes) -> bytes:
        """Look for the next <page> and begin there; what is left of `data`."""
        joined = (self._carry or b"") + data
        found = joined.find(_PAGE)
        if found < 0:
            self._carry = joined[-len(_PAGE) + 1 :]
            return b""
        self._carry = None
        rest = joined[found:]
        self._new_parser(self.fed - len(rest))
        return rest

    def _fail(self, reason: str, error: str) -> None:
        offset = self._position() if self._page_start is None else self._page_start
        self._items.append(Failure(offset=max(0, offset), reason=reason, error=error, url=self._url()))

    # --- the parser --------------------------------------------------------------------------------------------

    def _new_parser(self, offset: int) -> None:
        """At the file's beginning, or (`offset` > 0) at a page, where the root has to be made up."""
        self._path: list[str] = []
        self._began = False
        self._page: dict[str, str] = {}
        self._page_start: int | None = None
        self._redirect = False
        self._value: list[str] = []
        self._field: str | None = None
        self._room = 0
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._base_offset = offset
        if offset:
            self._base_offset -= len(_ROOT)
            self._parser.Parse(_ROOT, False)

    def _position(self) -> int:
        return self._base_offset + max(0, self._parser.CurrentByteIndex)

    def _doctype(self, name: str, *_: object) -> None:
        raise Refused("malformed", f"the file declares a document type, {name[:40]}; dumps have none", whole_file=True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._began and name != "mediawiki":
            raise Refused("malformed", f"the root is <{name[:40]}>; a dump's is <mediawiki>", whole_file=True)
        self._began = True
        self._path.append(name)
        if len(self._path) > DEPTH:
            raise Refused("malformed", f"elements nested more than {DEPTH} deep")
        path = "/".join(self._path[1:])
        if path == "page":
            self._page, self._redirect, self._page_start = {}, False, self._position()
        self._redirect |= path == "page/redirect"
        self._field = _FIELDS.get(path)
        self._value, self._room = [], self._limit if self._field == "text" else FIELD_CHARACTERS
        if self._field == "namespace" and attributes.get("key") not in (_FILE, _CATEGORY):
            self._field = None

    def _characters(self, data: str) -> None:
        """Keep a field's text as long as there is room; one character too many marks it."""
        if self._field and self._room >= 0:
            self._value.append(data[: self._room + 1])
            self._room -= len(data)

    def _end(self, name: str) -> None:
        if self._field:
            self._store(self._field, "".join(self._value))
            self._field = None
        if len(self._path) == 2 and name == "page":
            self._items.append(self._record())
            self._page_start = None
        self._path.pop()

    def _store(self, field: str, value: str) -> None:
        if field == "namespace":
            self._hidden.add(value.strip().lower())
        elif field in ("base", "dbname"):
            self._site[field] = value.strip()
        else:
            self._page[field] = value

    # --- the page ----------------------------------------------------------------------------------------------

    def _record(self) -> Item:
        page, offset = self._page, self._page_start or 0
        wikitext = page.get("text", "")
        if len(wikitext) > self._limit or len(wikitext.encode()) > self._limit:
            error = f"the page's text is over {self._limit} bytes"
            return Failure(offset=offset, reason="too_large", error=error, url=self._url())
        reason = self._drop_reason()
        text = "" if reason else to_text(wikitext, self._hidden)
        return Record(
            offset=offset,
            payload=text,
            id=page.get("id"),
            url=self._url(),
            date=page.get("timestamp"),
            dump=self._dump or self._site.get("dbname"),
            drop_reason=reason or (None if text else "empty"),
        )

    def _drop_reason(self) -> str | None:
        if self._page.get("ns", "0").strip() != "0":
            return "namespace"
        if self._redirect:
            return "redirect"
        return None if self._page.get("model", "wikitext") == "wikitext" else "content_type"

    def _url(self) -> str | None:
        """The page's address on its wiki: beside the main page, whose address is <base>."""
        base, title = self._site.get("base", ""), self._page.get("title")
        if not base or not title or self._page_start is None:
            return None
        name = urllib.parse.quote(title.replace(" ", "_"), safe="/:@!$*(),;~'")
        return f"{base.rpartition('/')[0]}/{name}"
