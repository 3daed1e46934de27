"""JSON strings with their places in the source, and a string written again in the source's own way of escaping."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from translate.spans import Block, Builder, Escape, Offset, Place, Within

_TOKEN = re.compile(r'[\s,:]*+(?:([{\[])|([}\]])|"([^"\\]*+(?:\\.[^"\\]*+)*+)"|[^\s,:{}\[\]"]++)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_ESCAPED = re.compile(r"\\u(?!00[0-7])([0-9a-fA-F]{4})")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Value(NamedTuple):
    """A string that is a value: where it stands, without quotes, and the key of its object or of the nearest one."""

    start: int
    end: int
    key: str
    container: int  # number of the object that it is in, or that its array is in, by their order


def check(source: str) -> None:
    """ValueError unless the source is one JSON value, or one a line; an empty one is fine."""
    try:
        if source.strip("\ufeff \t\r\n"):
            json.loads(source.removeprefix("\ufeff"))
        return
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    except ValueError as error:
        whole = error
    for number, line in enumerate(source.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            _check_line(line, number, whole)


def _check_line(line: str, number: int, whole: ValueError) -> None:
    try:
        json.loads(line)
    except RecursionError:
        raise ValueError(f"line {number}: JSON nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"neither JSON ({whole}) nor JSON lines (line {number}: {error})") from None


class Record(NamedTuple):
    """An object: its key in the one around it, and which object that is; -1: none."""

    key: str
    outer: int


def strings(source: str) -> tuple[list[Value], list[Record]]:
    """All strings that are values, in order, and the objects that they are in. The source has passed `check`."""
    values: list[Value] = []
    records: list[Record] = []
    stack: list[tuple[int, str]] = []  # of what is open: number of its object, -1: in none; the key of an array
    current, array_key = -1, ""
    in_object, awaits_value, key = False, False, ""
    for found in _TOKEN.finditer(source, source.startswith("\ufeff")):
        if found[1]:
            stack.append((current, array_key if not in_object else "\0"))
            name = key if in_object else array_key
            if found[1] == "{":
                records.append(Record(name, current))
                current, in_object, awaits_value = len(records) - 1, True, False
            else:
                array_key, in_object = name, False
        elif found[2]:
            current, array_key = stack.pop()
            in_object, awaits_value = array_key == "\0", False
        elif found[3] is None:
            awaits_value = False
        elif in_object and not awaits_value:
            key, awaits_value = decode(found[3]), True
        else:
            values.append(Value(*found.span(3), key if in_object else array_key, current))
            awaits_value = False
    return values, records


def decode(raw: str) -> str:
    """What is between the quotes, without escapes."""
    return json.loads(f'"{raw}"', strict=False) if "\\" in raw else raw


def text_of(source: str, value: Value) -> tuple[str, Place]:
    """The string, and where each place of it stands in the source."""
    raw = source[value.start : value.end]
    if "\\" not in raw:
        return raw, Offset(value.start)
    builder, at = Builder(), 0
    for found in _ESCAPE.finditer(raw):
        builder.add(raw[at : found.start()], value.start + at)
        builder.add(decode(found[0]), value.start + found.start())
        at = found.end()
    builder.add(raw[at:], value.start + at)
    text, place, _, _ = builder.block(value.end, _unchanged)
    return text, place


def _unchanged(text: str, source: str, first: bool) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Style:
    """How a source writes its strings."""

    ascii: bool  # everything else as \\uXXXX
    upper: bool  # its hexadecimal digits
    slash: bool  # "/" as "\\/"


def style(source: str) -> Style:
    """Of a whole document: one character outside ASCII is enough to know."""
    escaped = _ESCAPED.search(source)
    letters = [each for each in _ESCAPED.findall(source, 0, 100_000) if any(map(str.isalpha, each))]
    return Style(
        ascii=escaped is not None and not _NOT_ASCII.search(source),
        upper=bool(letters) and letters[0] == letters[0].upper(),
        slash="\\/" in source,
    )


def encode(text: str, how: Style) -> str:
    """A string's inside. A lone surrogate is always escaped: no file could hold it."""
    written = json.dumps(text, ensure_ascii=how.ascii)[1:-1]
    if not how.ascii:
        written = _SURROGATE.sub(lambda one: f"\\u{ord(one[0]):04x}", written)
    if how.upper:
        written = re.sub(r"(\\\\)|\\u([0-9a-f]{4})", lambda one: one[1] or f"\\u{one[2].upper()}", written)
    return written.replace("/", "\\/") if how.slash else written


def _escaped(inner: Escape, how: Style, text: str, source: str, first: bool) -> str:
    return encode(inner(text, decode(source), first), how)


def within(blocks: Iterator[Block], place: Place, how: Style) -> Iterator[Block]:
    """Blocks of a decoded string as blocks of the source."""
    for text, inner, marks, escape in blocks:
        yield Block(text, Within(inner, place), marks, partial(_escaped, escape, how))
