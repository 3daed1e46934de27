"""Bytes of a crawled page to text: the WHATWG encoding sniffing algorithm, with a check that the label is true."""

import re

import ftfy.bad_codecs  # noqa: F401  registers the sloppy-* codecs
from resiliparse.parse.encoding import detect_encoding

PRESCAN_BYTES = 16_384  # the standard reads 1,024, but browsers start over when they meet a later <meta>
_DETECT_BYTES = 131_072
_SAMPLE_BYTES = 65_536  # enough to judge whether a label lies

# WHATWG Encoding Standard, section 4.2: labels of each encoding, under the Python codec that is nearest to it. The sloppy
# codecs fill the holes of a code page with C1 controls, as the standard does. `hz` and `iso2022_kr` are the standard's
# "replacement", which hides the text; nothing here runs scripts, so the text is kept.
_LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "sloppy-iso-8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "sloppy-iso-8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e"
    " iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "sloppy-iso-8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597"
    " iso_8859-7 iso_8859-7:1987 sun_eu_greek",
    "sloppy-iso-8859-8": "csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-138"
    " iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 logical visual",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "sloppy-cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "sloppy-windows-1250": "cp1250 windows-1250 x-cp1250",
    "sloppy-windows-1251": "cp1251 windows-1251 x-cp1251",
    "sloppy-windows-1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591"
    " iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 x-user-defined",
    "sloppy-windows-1253": "cp1253 windows-1253 x-cp1253",
    "sloppy-windows-1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5"
    " latin5 windows-1254 x-cp1254",
    "sloppy-windows-1255": "cp1255 windows-1255 x-cp1255",
    "sloppy-windows-1256": "cp1256 windows-1256 x-cp1256",
    "sloppy-windows-1257": "cp1257 windows-1257 x-cp1257",
    "sloppy-windows-1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb18030 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "hz": "hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso2022_jp": "csiso2022jp iso-2022-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    "iso2022_kr": "csiso2022kr iso-2022-kr",
    "utf-16-be": "unicodefffe utf-16be",
    "utf-16-le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
# What the detector may answer, where that is no WHATWG label
_CODECS |= {
    "euc_kr": "cp949",
    "euc_jp": "euc_jp",
    "big5hkscs": "big5hkscs",
    "mac-roman": "mac-roman",
    "utf-16-le": "utf-16-le",
}
_CODECS |= {"utf-16-be": "utf-16-be", "iso2022_jp": "iso2022_jp", "koi8_u": "koi8-u"}

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
_DOUBLE_BYTE = {"gb18030", "big5hkscs", "euc_jp", "cp932", "cp949"}
_SEVEN_BIT = {"hz", "iso2022_jp", "iso2022_kr"}

_HEADER_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([^\s\"';,]{1,40})", re.IGNORECASE)
# Comments are taken whole, so that a commented-out <meta> does not count; each alternative consumes what it scans.
_META = re.compile(rb"<!--.*?(?:-->|\Z)|<meta[\s/]([^>]*)|\A\s{0,99}<\?xml\s([^>]*)", re.IGNORECASE | re.DOTALL)
_META_CHARSET = re.compile(rb"(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?\s{0,9}([^\s\"'/>;,]{1,40})", re.IGNORECASE)


def _codec(label: str) -> str | None:
    return _CODECS.get(label.strip().lower())


def _bom_codec(body: bytes) -> tuple[str, int] | None:
    return next(((codec, len(bom)) for bom, codec in _BOMS if body.startswith(bom)), None)


def _header_codec(content_type: str | None) -> str | None:
    found = _HEADER_CHARSET.search(content_type[:1000]) if content_type else None
    return _codec(found[1]) if found else None


def _meta_codec(body: bytes) -> str | None:
    """The first known label of a <meta> or XML declaration; UTF-16 there means UTF-8, else it could not be read."""
    for tag in _META.finditer(body, 0, PRESCAN_BYTES):
        attributes = tag[1] or tag[2]
        found = _META_CHARSET.search(attributes) if attributes else None
        codec = _codec(found[1].decode("ascii", "replace")) if found else None
        if codec:
            return "utf-8" if codec.startswith("utf-16") else codec
    return None


def _utf16_without_bom(body: bytes) -> str | None:
    """Markup in UTF-16 has NULs at every other byte, on one side only."""
    head = body[:1024]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < len(head) or max(even, odd) < 4 * min(even, odd) or len(head) < 8:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(body: bytes, declared: str | None) -> bool:
    """Whether the bytes are UTF-8 whatever the label says.

    ASCII alone proves nothing, and two or three characters of a double-byte encoding can look like UTF-8 by chance.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if declared is None or declared == "utf-8":
        return True
    beyond_ascii = (len(body) - len(text)) if not text.isascii() else 0
    return beyond_ascii > (6 if declared in _DOUBLE_BYTE else 0)


def _error_share(sample: bytes, codec: str) -> float:
    """U+FFFD, and the controls that no page means to show, per character beyond ASCII."""
    text = sample.decode(codec, "replace")
    beyond_ascii = sum(1 for character in text if character > "\x7f")
    return text.count("\ufffd") / max(beyond_ascii, 1)


def _is_hangul(sample: bytes) -> bool:
    """The detector answers UTF-8 for short EUC-KR text: Hangul syllables throughout settle it."""
    text = sample.decode("cp949", "replace")
    beyond_ascii = [character for character in text if character > "\x7f"]
    return sum("가" <= character <= "힣" for character in beyond_ascii) > 0.8 * len(beyond_ascii)


def _detect(body: bytes) -> str:
    name = detect_encoding(body[:_DETECT_BYTES])
    codec = _codec(name) if name else None
    sample = body[:_SAMPLE_BYTES]
    if codec in (None, "utf-8") and _error_share(sample, "utf-8") > 0.25:
        return "cp949" if _is_hangul(sample) else "sloppy-windows-1252"
    return codec or "sloppy-windows-1252"


def _truthful(body: bytes, declared: str) -> str:
    """The declared codec, unless much of the text is unreadable in it and less so in the detected one."""
    sample = body[:_SAMPLE_BYTES]
    share = _error_share(sample, declared)
    if share <= 0.1:
        return declared
    detected = _detect(body)
    return detected if _error_share(sample, detected) < share else declared


def _choose(body: bytes, content_type: str | None) -> str:
    declared = _header_codec(content_type) or _meta_codec(body)
    if declared and declared.startswith("utf-16"):
        declared = _utf16_without_bom(body)
    if declared in _SEVEN_BIT and body.isascii():
        return declared
    wide = _utf16_without_bom(body)
    if wide:
        return wide
    if _is_utf8(body, declared):
        return "utf-8"
    return _truthful(body, declared) if declared else _detect(body)


def decode(body: bytes, content_type: str | None = None) -> str:
    """The text of a page, in the encoding that a browser would choose (BOM, HTTP header, <meta>, else detection).

    Two liberties: a label that the bytes contradict is set aside (valid multi-byte UTF-8 under any label; a label under
    which more than a tenth of the text is unreadable), and encodings that browsers refuse (HZ, ISO-2022-KR) are read.
    `content_type` is the HTTP header with its parameters. Never raises: what cannot be read becomes U+FFFD. NUL stays.
    """
    marked = _bom_codec(body)
    if marked:
        codec, length = marked
        return body[length:].decode(codec, "replace")
    return body.decode(_choose(body, content_type), "replace")
