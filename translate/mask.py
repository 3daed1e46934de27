"""Parts of a text that no engine may change, the placeholders that stand for them, and the check that all came back.

A placeholder is `<1>`, `<2>` ... for a part that stands alone, `<3>` and `</3>` around the text inside markup. ASCII and
without a letter: every tokenizer has it in few tokens (U+27E6 and the like are unknown words to NLLB and IndicTrans2),
and there is no word to translate or to transliterate, which is how `<ID1>` gets lost. Models may put spaces into it,
widen it or write its digits in their own script, so that is read too. What looks like one in a source is itself a
protected part, and a placeholder's own brackets cannot close one that the source began: none arises by accident.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

# One piece of inline markup in the text of a block, an opening one or another; no protected part extends over it
OPENING, MARK = "\ufffb", "\ufffc"
MARKUP = OPENING + MARK

PLACEHOLDER = re.compile(r"[<＜]\s?([/／]?)\s?(\d{1,6})\s?[>＞]")

# Of scripts whose words hold digits: B2B, 21st, mp3 are words. Elsewhere a suffix may follow a number directly.
_JOINS = "A-Za-z_À-ɏ"
_URL = rf"[^\s<>\"'`{{}}|\\^()\u0964\u0965\u060c\u061b\u061f\u06d4\u2018-\u201f\u3000-\u9fff\uac00-\ud7af\uff00-\uffef{MARKUP}]"
_URL_TAIL = rf"(?:{_URL}|\({_URL}*+\))*+"
_TAGGED = (  # hashtags and mentions: what is no space or punctuation; \w would end at the vowel signs of Brahmic scripts
    r"[^\s\x00-/:-@\[-\^`{-\x7f\u00a0-\u00bf\u0964\u0965\u060c\u061b\u061f\u06d4\u2000-\u200b\u200e-\u206f\u3000-\u303f"
    rf"\uff00-\uff20{MARKUP}]"
)
_LITTLE = rf"[^{{}}\n{MARKUP}]"
_DOMAINS = (  # endings that hardly stand for a missing space after a full stop
    "com org net edu gov mil int info biz io dev app ai co uk de fr es ru jp cn kr br eu ch nl pl se cz hu gr tr ua"
    " pk bd lk np ke ng za ca au nz tv xyz"
)
_FILES = (
    "txt md rst json jsonl yaml yml toml xml html htm css js ts jsx tsx py ipynb java c h cc cpp hpp cs go rs rb php"
    " sh bat sql csv tsv pdf doc docx xls xlsx ppt pptx odt png jpg jpeg gif svg webp mp3 mp4 avi mov wav zip gz tar"
    " xz bz2 rar 7z exe dll iso img deb rpm cfg conf ini log parquet"
)
_FOLDERS = "bin boot dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var"
_UNITS = (
    "km/h m/s km² m² cm² km³ m³ cm³ km cm mm nm µm μm kg mg µg μg g lb lbs oz ft mi mph GB MB KB kB TB PB GiB MiB KiB"
    " GHz MHz kHz Hz kW MW GW kWh Wh mA kV kcal kJ hPa kPa MPa dB dpi fps rpm px pt ml mL ms ns °C °F"
)
_TIGHT_UNITS = "m s h l L t W V A K J N B k"  # letters that are units only directly after the number
_CURRENCY = "$€£¥₹₽₩₪฿₫₦৳₨₱₴₺₸₼₾؋៛₭﷼"


def _any(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


_BY_SYMBOL = (
    PLACEHOLDER.pattern,
    r"<\|[^|<>\s]{1,40}+\|>|<</?SYS>>|\[/?INST\]",  # control tokens of chat templates
    rf"<!--[^{MARKUP}]{{0,500}}?-->",
    rf"</?[A-Za-z][^<>\n{MARKUP}]{{0,300}}+>",
    rf"\{{\{{{_LITTLE}{{0,80}}\}}\}}|\{{%[^%\n{MARKUP}]{{0,80}}+%\}}|\$\{{{_LITTLE}{{0,80}}+\}}|\{{[^\s{{}}{MARKUP}]{{0,40}}+\}}",
    rf"\[\[[^\[\]\n{MARKUP}]{{1,80}}+\]\]",
    rf"\$\$[^${MARKUP}]{{1,2000}}+\$\$",
    # As Pandoc has it, and with something mathematical in it: "$5 and US$" is no formula
    rf"\$(?![\s$])(?=[^$\n{MARKUP}]{{0,300}}[\\^_=+]|\w{{1,3}}\$)(?:[^$\\\n{MARKUP}]|\\.){{1,300}}(?<!\s)\$(?!\d)",
    rf"\\\([^{MARKUP}]{{1,1000}}?\\\)|\\\[[^{MARKUP}]{{1,2000}}?\\\]",
    rf"\\begin\{{([a-z]{{1,20}}\*?)\}}[^{MARKUP}]{{0,2000}}?\\end\{{\3\}}",
    rf"\\(?:begin|end|cite[pt]?|ref|eqref|label|frac|sqrt|math[a-z]{{1,8}}|includegraphics|url)(?:\{{{_LITTLE}{{0,80}}+\}}){{1,2}}",
    r"\\[A-Za-z]{1,30}+",
    rf"`[^`\n{MARKUP}]{{1,300}}+`",
    r"(?<![\w%])%(?:\([A-Za-z_]\w{0,40}\)|\d\$)?[#0+-]?\d{0,3}(?:\.\d{1,2})?(?:ll?|h)?[sdifuxXeEgGcr@](?![A-Za-z])",
    r"&(?:[A-Za-z][A-Za-z0-9]{1,20}+|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});",
    r"(?<![\w/.~:<])(?:~|\.\.?)?/(?:[A-Za-z0-9_.@+%-]{1,100}+/)++[A-Za-z0-9_.@+%-]*+|(?<![\w/.])~/[A-Za-z0-9_.@+%/-]++",
    rf"(?<![\w/.])/(?:{_any(_FOLDERS)})(?![\w-])",
    rf"(?<![\w&#/@.])[#@](?=[\w]){_TAGGED}{{1,60}}+",
    r"(?<!\S)--[a-z][A-Za-z0-9-]{0,60}+(?:=[^\s]{1,100}+)?",
)
_BY_WORD = (
    rf"[A-Za-z][A-Za-z0-9+.-]{{1,20}}://{_URL_TAIL}|(?:mailto|magnet|data):{_URL}{_URL_TAIL}|www\.{_URL}{_URL_TAIL}",
    r"[A-Za-z0-9_%+-]{1,64}+(?:\.[A-Za-z0-9_%+-]{1,64}+){0,8}+@(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}",
    r"[A-Za-z]:\\[^\s<>\"|?*]{0,300}+",
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?!\w)|[0-9a-f]{32,128}+(?!\w)",
    rf"(?:[A-Za-z0-9_+-]{{1,64}}+[./]){{1,12}}(?:{_any(_DOMAINS + ' ' + _FILES)})(?![\w-])(?:[:/?#]{_URL_TAIL})?",
    r"[A-Za-z0-9]{0,60}+(?:_{1,4}[A-Za-z0-9]{1,60}+){1,12}+_{0,4}(?:\(\))?(?!\w)",  # names in programs
    r"[A-Za-z][A-Za-z0-9.]{0,60}+\(\)|v\d{1,4}(?:\.\d{1,6}){1,5}+(?!\w)",
)
_NUMBER = (
    rf"(?<![{_JOINS}\d])(?<![A-Za-z\d][.,:/-])(?:(?<![\w)])[-+−±])?(?:[{_CURRENCY}]\s?)?"
    r"\d++(?:[.,'’٫٬:/–-]\d++|[ \u00a0\u2009\u202f]\d{3}(?!\d))*+(?:[eE][-+]?\d++)?"
    rf"(?:\s?(?:[{_CURRENCY}%‰٪℃℉]|°|(?:{_any(_UNITS)})(?![{_JOINS}]))|(?:{_any(_TIGHT_UNITS)})(?![{_JOINS}]))?+(?![{_JOINS}])"
)
_PROTECTED = re.compile(
    rf"(?=[<\[{{$\\`%&/~.#@-])(?:{'|'.join(_BY_SYMBOL)})"
    rf"|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_])(?:(?P<url>{_BY_WORD[0]})|{'|'.join(_BY_WORD[1:])})"
    rf"|(?=[-+−±\d{_CURRENCY}]){_NUMBER}"
)
# Every protected part has one of these; most sentences have none, and then nothing else is tried
_SIGN = re.compile(r"[\d@/\\$%{<#_`&]")
_DOT = re.compile(r"\.(?=[A-Za-z])")
_AFTER_URL = ".,;:!?…*_~"

NONE: tuple[tuple[int, int], ...] = ()


def protected(text: str) -> Iterable[tuple[int, int]]:
    """Beginnings and ends, in order and apart, of what must come back as it is.

    Code, URLs, mail addresses, formulas, numbers with their units, template placeholders, tags, paths, hashtags.
    """
    if not (_SIGN.search(text) or _DOT.search(text) or "[[" in text or "--" in text or "()" in text):
        return NONE
    return [(found.start(), _end(found)) for found in _PROTECTED.finditer(text)]


def _end(found: re.Match[str]) -> int:
    if found.lastgroup != "url":
        return found.end()
    return found.start() + len(found[0].rstrip(_AFTER_URL))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a translation's placeholders.

    crossed: all are there, but an opening and its closing no longer enclose whole pairs, or changed their order.
    """

    kind: Literal["dropped", "doubled", "invented", "crossed"]
    placeholders: tuple[str, ...]  # in their plain form


def placeholders(text: str) -> list[str]:
    """All of a text in order, in their plain form."""
    return [plain(found) for found in PLACEHOLDER.finditer(text)]


def plain(found: re.Match[str]) -> str:
    """`< ／ १ >` as `</1>`."""
    return f"<{'/' if found[1] else ''}{int(found[2])}>"


def check_placeholders(source: str, translated: str) -> Problem | None:
    """Whether a translation has just the placeholders of its masked source; they may stand in another order."""
    wanted, found = Counter(placeholders(source)), Counter(placeholders(translated))
    if wanted == found:
        return _crossed(placeholders(translated))
    if missing := wanted - found:
        return Problem("dropped", tuple(missing))
    extra = found - wanted
    if invented := tuple(name for name in extra if name not in wanted):
        return Problem("invented", invented)
    return Problem("doubled", tuple(extra))


def _crossed(names: list[str]) -> Problem | None:
    paired = {name.replace("/", "") for name in names if "/" in name}
    begun: list[str] = []
    for name in names:
        if name in paired:
            begun.append(name)
        elif "/" in name and (not begun or begun.pop() != name.replace("/", "")):
            return Problem("crossed", (name.replace("/", ""), name))
    return None


def unmask(text: str, parts: Mapping[str, str]) -> str:
    """Put the parts back where their placeholders are. ValueError unless each placeholder is there once."""
    if Counter(found := placeholders(text)) != Counter(parts.keys()):
        raise ValueError(f"placeholders {' '.join(found) or 'none'}; wanted {' '.join(parts) or 'none'}")
    return PLACEHOLDER.sub(lambda one: parts[plain(one)], text)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text for an engine, and what its placeholders stand for."""

    text: str
    parts: Mapping[str, str]


def mask(text: str) -> Masked:
    """A plain text with placeholders for its protected parts; `unmask` is the way back."""
    parts: dict[str, str] = {}
    pieces, at = [], 0
    for number, (start, end) in enumerate(protected(text), 1):
        parts[f"<{number}>"] = text[start:end]
        pieces += [text[at:start], f"<{number}>"]
        at = end
    return Masked("".join([*pieces, text[at:]]), parts)
