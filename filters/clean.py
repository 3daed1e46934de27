"""Repair of damaged text, and personal data as edits. Both leave a clean document as it was, in any script."""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from unicodedata import digit

import ftfy
import pyarrow as pa
import pyarrow.compute as pc
from ftfy.chardata import CHARMAP_ENCODINGS

from filters.columns import EDITS

# --- repair

_LINE_CHARACTERS = 4_000  # longer lines are repaired in pieces, so that the time stays linear

_BREAKS = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls but tab and newline; byte order marks; noncharacters. ZWJ and ZWNJ carry meaning and stay.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_C1 = re.compile("[\x80-\x9f]")
_C1_BUT_NEL = re.compile("[\x80-\x84\x86-\x9f]")
_BLANK_LINES = re.compile("\n\n\n\n+")


def _mojibake_pairs() -> tuple[str, str]:
    """Two patterns for a UTF-8 lead byte and continuation byte as single-byte code pages show them: loose and exact.

    Whatever ftfy repairs holds such a pair or a C1 control, and looking for one is fifty times faster than asking ftfy.
    """
    leads, continuations, pairs = "", "", []
    for codec in CHARMAP_ENCODINGS:
        lead = re.escape(bytes(range(0xC2, 0xF5)).decode(codec, "ignore"))
        continuation = re.escape(bytes(range(0x80, 0xC0)).decode(codec, "ignore"))
        leads, continuations = leads + lead, continuations + continuation
        pairs.append(f"[{lead}][{continuation}]")
    return f"[{leads}](?=[{continuations}])", "|".join(pairs)


_LOOSE_PAIR, _PAIR = _mojibake_pairs()
_LOOSE, _EXACT = re.compile(_LOOSE_PAIR), re.compile(_PAIR)  # a pattern that begins with one class is searched fast
# `à` whose second byte an editor turned into a plain space. Alone it proves nothing: some languages write Ã.
_SPACED = "Ã "
# For RE2, over a whole column: what any rule of `repair` could act on
_SUSPECT = (
    r"[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}\x{feff}\x{fffe}\x{ffff}]"
    r"|[ \t\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}](?:\n|\z)|\n\n\n\n|\A\n|\n\z|" + _PAIR
)


def strings(values: Iterable[str | None]) -> pa.StringArray:
    """An Arrow array of any Python strings; surrogates are joined in pairs, or dropped where alone."""
    values = list(values)
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([value if value is None else _without_surrogates(value) for value in values], pa.string())


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _decode_damaged(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return _without_surrogates(value.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace")


def _valid(text: pa.StringArray) -> pa.StringArray:
    """The same array, its bytes being UTF-8 for certain: Arrow does not check on the way in."""
    try:
        text.validate(full=True)
        return text
    except pa.ArrowInvalid:
        damaged = pa.Array.from_buffers(pa.binary(), len(text), text.buffers(), offset=text.offset)
        return pa.array([_decode_damaged(value) for value in damaged.to_pylist()], pa.string())


def _pieces(line: str) -> Iterator[str]:
    """A line in pieces of bounded length, cut after a space where there is one."""
    start = 0
    while len(line) - start > _LINE_CHARACTERS:
        cut = line.rfind(" ", start, start + _LINE_CHARACTERS)
        end = cut + 1 if cut > start else start + _LINE_CHARACTERS
        yield line[start:end]
        start = end
    yield line[start:]


def _is_suspect(text: str) -> bool:
    return bool(_C1.search(text)) or any(_EXACT.match(text, pair.start()) for pair in _LOOSE.finditer(text))


def _repair_piece(piece: str) -> str:
    return ftfy.fix_encoding(piece) if _SPACED in piece or _is_suspect(piece) else piece


def _repair_encoding(text: str) -> str:
    """ftfy's encoding repair alone, line by line: quotes, widths and normalisation forms stay as they are."""
    if not _is_suspect(text):
        return text
    return "\n".join("".join(map(_repair_piece, _pieces(line))) for line in text.split("\n"))


def _repair(text: str) -> str:
    if "\x85" in text and not _C1_BUT_NEL.search(text):
        text = text.replace("\x85", "\n")  # a line break of its own; among other C1 controls it is Windows' ellipsis
    text = _BREAKS.sub("\n", _repair_encoding(text).replace("\r\n", "\n"))
    text = _CONTROLS.sub("", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n\n", text).strip("\n")


def repair(text: pa.StringArray) -> pa.StringArray:
    """The texts without mojibake, controls, odd line breaks, trailing spaces, and more than two blank lines in a row.

    Only what is broken changes: no quotes, no widths, no normalisation form, and joiners stay. Null stays null.
    """
    text = _valid(text)
    suspect = pc.fill_null(pc.match_substring_regex(text, _SUSPECT), False)
    if not pc.any(suspect).as_py():
        return text
    repaired = [_repair(value) for value in text.filter(suspect).to_pylist()]
    return pc.replace_with_mask(text, suspect, strings(repaired))


# --- personal data

# Reserved for documentation, so that they belong to nobody: RFC 2606, RFC 5737, RFC 3849, and the NANP's fictitious 555-01xx
EMAIL_PLACEHOLDER = "email@example.com"
IPV4_PLACEHOLDER = "192.0.2.1"
IPV6_PLACEHOLDER = "2001:db8::1"
PHONE_PLACEHOLDER = "+1-202-555-0100"


class Edit(NamedTuple):
    """Code points `start` to `end` of a text become `replacement`."""

    start: int
    end: int
    replacement: str


# Every repetition is bounded or possessive, so that the time is linear in the text
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-]{1,64}+(?:\.[A-Za-z0-9_%+-]{1,64}+){0,8}+"
    r"@(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9_-])"
)
_IPV4 = re.compile(r"(?<![0-9A-Za-z.\-])(?<![0-9A-Za-z]/)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?[0-9A-Za-z])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_NUMBERED = re.compile(  # what is before a version or a section number
    r"(?:version|ver\.?|build|release|rev(?:ision)?\.?|firmware|section|sec\.?|chapter|clause|article|§|版本|версия|संस्करण)"
    r"[\s:#]{0,3}\Z",
    re.IGNORECASE,
)

_SEPARATORS = r"[ \u00a0\u2009\u202f().\-\u2010-\u2013/]"
_DIGITS = re.compile(rf"\d(?:{_SEPARATORS}{{0,3}}\d){{6,}}")
_DIALLED = re.compile(r"(?<![\dA-Za-z./-])00\d*\D")  # the international prefix, in a number written in groups
_PLUS = re.compile(r"(?<![\dA-Za-z+＋])[+＋][ (]{0,2}\Z")
_WORDS = (
    "tel|telephone|phone|mobile|mob|cell|fax|whatsapp|helpline|hotline|telefon|telefono|teléfono|"
    "téléphone|telefone|handy|móvil|celular|portable|тел|телефон|моб|τηλ|τηλέφωνο|טלפון|فون|موبائل|هاتف|"
    "الهاتف|تلفن|جوال|واتساب|फोन|फ़ोन|मोबाइल|टेलीफोन|दूरभाष|संपर्क|ফোন|মোবাইল|দূরভাষ|தொலைபேசி|கைபேசி|மொபைல்|போன்|"
    "ఫోన్|మొబైల్|ಫೋನ್|ಮೊಬೈಲ್|ഫോൺ|മൊബൈൽ|ફોન|મોબાઇલ|ਫੋਨ|ਮੋਬਾਈਲ|ଫୋନ|ମୋବାଇଲ|දුරකථන|โทร|โทรศัพท์|มือถือ|ໂທ|"
    "ဖုန်း|ទូរស័ព្ទ|ስልክ|电话|電話|手机|手機|携帯|전화|휴대폰"
)
_NUMBER_WORDS = "no|nr|num|number|नंबर|नं|न|নম্বর|எண்|నంబర్|نمبر|رقم|号|号码|號碼|番号|번호|номер"
_LABEL = re.compile(  # a word for telephone, then perhaps one for number
    rf"(?<![A-Za-z])(?:{_WORDS})[\s.:：]{{0,3}}"
    rf"(?:{_NUMBER_WORDS})?[\s.:：#=(\u200e\u200f-]{{0,4}}[+＋]?[ (]{{0,2}}\Z",
    re.IGNORECASE,
)
# Written so that hardly anything else looks alike: North America, France, Japan and Korea, Chinese mobiles
_NATIONAL = re.compile(
    r"(?<![\dA-Za-z_.,/#$€£¥₹+-])(?:"
    r"(?<=\()[2-9]\d\d\)[ \u00a0]?[2-9]\d\d[-. ]\d{4}"
    r"|[2-9]\d\d([-. ])[2-9]\d\d\1\d{4}"
    r"|0[1-9]([ .])\d\d(?:\2\d\d){3}"
    r"|0\d{1,3}-\d{3,4}-\d{4}"
    r"|1[3-9]\d([- ])\d{4}\3\d{4}"
    r")(?![-./,]?\d)"
)
_NOT_A_PHONE = re.compile(  # decimals, dates, year ranges, grouped amounts
    r"\d{1,3}\.\d+|\d{1,4}([./-])\d{1,2}\1\d{1,4}.*|(?:19|20)\d\d ?[-\u2010-\u2013/] ?(?:19|20)\d\d"
)
_SPANS = re.compile(r"\d+")
_LABEL_CHARACTERS = 32

# ITU-T E.164 country codes, 2024
_COUNTRY_CODE = re.compile(
    r"[17]|2(?:0|7|1[12368]|[2-6]\d|9[01789])|3(?:[0-469]|[57]\d|8[0-35-79])|4(?:[013-9]|2[013])|5(?:[1-8]|[09]\d)"
    r"|6(?:[0-6]|7[02-9]|8\d|9[0-2])|8(?:[1246]|0[08]|5[02356]|70|80|86)|9(?:[0-58]|6[0-8]|7[0-7]|9[2-68])"
)


def _emails(text: str) -> Iterator[Edit]:
    for found in _EMAIL.finditer(text):
        yield Edit(found.start(), found.end(), EMAIL_PLACEHOLDER)


def _is_section_number(text: str, found: re.Match[str]) -> bool:
    """1.2.3.4 at the start of a line is a heading; after "version" it is software."""
    if _NUMBERED.search(text[max(0, found.start() - 16) : found.start()]):
        return True
    at_line_start = found.start() == 0 or text[found.start() - 1] == "\n"
    return at_line_start and len(found[0]) == 7


def _addresses(text: str) -> Iterator[Edit]:
    """Public addresses only, as in FineWeb: private and documentation ranges identify nobody."""
    for found in _IPV4.finditer(text):
        address = _address(found[0])
        if isinstance(address, IPv4Address) and address.is_global and not _is_section_number(text, found):
            yield Edit(found.start(), found.end(), IPV4_PLACEHOLDER)
    for found in _IPV6.finditer(text):
        address = _address(found[0])
        if isinstance(address, IPv6Address) and address.is_global and found[0][0] in "23":  # 2000::/3, global unicast
            yield Edit(found.start(), found.end(), IPV6_PLACEHOLDER)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _prefix(text: str, start: int, end: int, most: int) -> tuple[int, str]:
    """Where the groups of digits stop that hold at most `most` digits together, and those digits in ASCII."""
    digits, stop = "", start
    for group in _SPANS.finditer(text, start, end):
        if len(digits) + len(group[0]) > most:
            break
        digits += "".join(str(digit(character)) for character in group[0])
        stop = group.end()
    return stop, digits


def _international(text: str, start: int, end: int, skip: int) -> int | None:
    """The end of a number with country code that starts at `start`, `skip` digits being its dialling prefix."""
    most = 15 + skip
    first = next(_SPANS.finditer(text, start, end))[0]
    if first[:1] == "1" and not skip:
        most = 11  # North America
    stop, digits = _prefix(text, start, end, most)
    subscriber = digits[skip:]
    if len(subscriber) < 8 or not _COUNTRY_CODE.match(subscriber) or _NOT_A_PHONE.fullmatch(text, start, stop):
        return None
    return stop


def _phone(text: str, start: int, end: int) -> Iterator[Edit]:
    """Phone numbers among the digits at `start` to `end`: after a plus, after 00, after a word, or by their shape."""
    before = text[max(0, start - _LABEL_CHARACTERS) : start]
    plus, label = _PLUS.search(before), _LABEL.search(before)
    stop = None
    if plus:
        stop = _international(text, start, end, 0)
    elif label and not _NOT_A_PHONE.match(text, start, end):
        stop, digits = _prefix(text, start, end, 15)
        stop = stop if len(digits) >= 7 else None
    elif _DIALLED.match(text, start, end):
        stop = _international(text, start, end, 2)
    if stop:
        yield _phone_edit(text, start - len(plus[0]) if plus else start, stop)
        return
    for found in _NATIONAL.finditer(text, start, end):
        yield _phone_edit(text, found.start(), found.end())


def _phone_edit(text: str, start: int, end: int) -> Edit:
    """With the bracket before the area code, if only its partner is inside."""
    opens = text[start - 1 : start] == "(" and text.count(")", start, end) > text.count("(", start, end)
    return Edit(start - opens, end, PHONE_PLACEHOLDER)


def _phones(text: str) -> Iterator[Edit]:
    for found in _DIGITS.finditer(text):
        yield from _phone(text, found.start(), found.end())


def _find(text: str) -> list[Edit]:
    """Edits in order, without overlap: of two that overlap the first found (email, address, phone) stays."""
    taken: list[Edit] = []
    edits = [*(_emails(text) if "@" in text else ()), *_addresses(text), *_phones(text)]
    for edit in sorted(edits, key=lambda edit: edit.start):
        unchanged = text[edit.start : edit.end] == edit.replacement
        if not unchanged and (not taken or taken[-1].end <= edit.start):
            taken.append(edit)
    return taken


# For RE2, over a whole column: an @, the start of an IPv4 or IPv6 address, or seven digits close together
_PERSONAL = (
    r"@|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:"
    r"|\p{Nd}(?:[ \x{a0}\x{2009}\x{202f}().\-\x{2010}-\x{2013}/]{0,3}\p{Nd}){6}"
)


def pii(text: pa.StringArray) -> pa.Array:
    """`filters.columns.EDITS` that put placeholders for email addresses, public IP addresses and phone numbers.

    Digits of any script count. A number is taken for a phone only with a country code, a word for telephone before it,
    or a national shape that little else has: a bare run of digits stays. Empty lists where nothing was found.
    """
    found: list[Sequence[Edit]] = [()] * len(text)
    suspect = pc.fill_null(pc.match_substring_regex(text, _PERSONAL), False)
    rows = pc.indices_nonzero(suspect)
    for row, value in zip(rows.to_pylist(), text.take(rows).to_pylist(), strict=True):
        found[row] = _find(value)
    return pa.array([[edit._asdict() for edit in edits] for edits in found], EDITS)


def _apply(text: str, edits: Sequence[dict[str, int | str]]) -> str:
    parts, position = [], 0
    for edit in edits:
        parts += [text[position : int(edit["start"])], str(edit["replacement"])]
        position = int(edit["end"])
    return "".join([*parts, text[position:]])


def apply_edits(text: pa.StringArray, edits: pa.Array) -> pa.StringArray:
    """The texts with their edits done. Null text stays null; null or empty edits change nothing."""
    changes = pc.fill_null(pc.greater(pc.list_value_length(edits), 0), False)
    mask = pc.and_(changes, text.is_valid())
    if not pc.any(mask).as_py():
        return text
    pairs = zip(text.filter(mask).to_pylist(), edits.filter(mask).to_pylist(), strict=True)
    return pc.replace_with_mask(text, mask, strings(_apply(value, changes) for value, changes in pairs))
