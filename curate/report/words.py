"""Numbers, languages and reasons in the words that a reader of the report sees."""

import math
import re
from dataclasses import dataclass
from datetime import datetime

from filters.columns import METRICS

MEANING = {m.name: f"{m.meaning} ({m.unit})" for m in METRICS}
REASONS = {
    "http_status": "the server did not answer 2xx",
    "content_type": "neither HTML nor plain text",
    "pdf": "a PDF in a web archive; read where the recipe says [pdf] archives = true",
    "revisit": "a record that points to an earlier capture and holds no page",
    "empty": "no text was found on the page",
    "redirect": "a wiki page that points to another",
    "namespace": "a wiki page that is no article",
    "forgotten": "its owner asked that it be forgotten",
    "url_blocked": "the blocklist holds the host or the URL",
    "screened": "the cheap text is in none of the wanted languages",
    "contaminated": "the text holds a passage of a benchmark",
    "language_unwanted": "not among the wanted languages",
    "language_score_low": "the language is too uncertain",
    "quality_low": "the quality classifier puts it below the share to keep (quality.keep)",
    "no_lines_left": "the line rules removed every line",
    "c4_lorem_ipsum": "the page holds the filler text lorem ipsum (C4)",
    "c4_curly_bracket": "the page holds a curly bracket, as code does (C4)",
    "boilerplate": "every line of it is one that its site repeats",
    "duplicate_exact": "the same text as the copy that is kept",
    "duplicate_near": "nearly the same text as the copy that is kept (MinHash)",
    "duplicate_indexed": "a copy of what an earlier run kept (dedup.index)",
    "duplicate_url": "the same address in one crawl as the copy that is kept",
}

LANGUAGES = {
    "afr": "Afrikaans", "als": "Tosk Albanian", "amh": "Amharic", "arb": "Arabic", "arz": "Egyptian Arabic",
    "asm": "Assamese", "azj": "Azerbaijani", "bel": "Belarusian", "ben": "Bengali", "bod": "Tibetan",
    "bos": "Bosnian", "bul": "Bulgarian", "cat": "Catalan", "ces": "Czech", "ckb": "Sorani Kurdish", "cmn": "Chinese",
    "cym": "Welsh", "dan": "Danish", "deu": "German", "ekk": "Estonian", "ell": "Greek", "eng": "English",
    "eus": "Basque", "fas": "Persian", "fil": "Filipino", "fin": "Finnish", "fra": "French", "gle": "Irish",
    "glg": "Galician", "guj": "Gujarati", "hau": "Hausa", "heb": "Hebrew", "hin": "Hindi", "hrv": "Croatian",
    "hun": "Hungarian", "hye": "Armenian", "ibo": "Igbo", "ind": "Indonesian", "isl": "Icelandic", "ita": "Italian",
    "jav": "Javanese", "jpn": "Japanese", "kan": "Kannada", "kat": "Georgian", "kaz": "Kazakh", "khk": "Mongolian",
    "khm": "Khmer", "kin": "Kinyarwanda", "kir": "Kyrgyz", "kor": "Korean", "lao": "Lao", "lit": "Lithuanian",
    "lvs": "Latvian", "mal": "Malayalam", "mar": "Marathi", "mkd": "Macedonian", "mya": "Burmese", "nld": "Dutch",
    "nno": "Norwegian Nynorsk", "nob": "Norwegian Bokmål", "npi": "Nepali", "orm": "Oromo", "ory": "Odia",
    "pan": "Punjabi", "pbt": "Pashto", "pol": "Polish", "por": "Portuguese", "ron": "Romanian", "rus": "Russian",
    "san": "Sanskrit", "sin": "Sinhala", "slk": "Slovak", "slv": "Slovenian", "snd": "Sindhi", "som": "Somali",
    "spa": "Spanish", "srp": "Serbian", "swe": "Swedish", "swh": "Swahili", "tam": "Tamil", "tel": "Telugu",
    "tgk": "Tajik", "tha": "Thai", "tir": "Tigrinya", "tur": "Turkish", "uig": "Uyghur", "ukr": "Ukrainian", "und": "unknown",
    "urd": "Urdu", "uzn": "Uzbek", "vie": "Vietnamese", "xho": "Xhosa", "yor": "Yoruba", "zsm": "Malay",
    "zul": "Zulu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """A family of drop reasons; `name` is also its CSS class. The order is the order in every bar and legend."""

    name: str
    title: str
    words: frozenset[str]


GROUPS: tuple[Group, ...] = (
    Group(
        "source",
        "Not a usable page",
        frozenset(
            {
                "http",
                "status",
                "content",
                "url",
                "host",
                "blocklist",
                "revisit",
                "redirect",
                "namespace",
                "empty",
                "robots",
            }
        ),
    ),
    Group("language", "Language", frozenset({"language", "script", "screened", "lid"})),
    Group("repetition", "Repetition", frozenset({"repetition"})),
    Group(
        "quality",
        "Text quality",
        frozenset({"quality", "perplexity", "pii", "lorem", "policy", "short", "long", "c4", "lines"}),
    ),
    Group("copies", "Copies", frozenset({"duplicate", "minhash", "exact", "near", "copy", "cluster"})),
    Group("other", "Other", frozenset()),
)


def metric_of(reason: str) -> str | None:
    """The metric of a rule's reason, which is the metric and the side; None for any other reason."""
    metric = re.sub(r"_(low|high)$", "", reason)
    return metric if metric in MEANING else None


def meaning(reason: str) -> str:
    """A reason in plain words; empty where none are at hand."""
    return REASONS.get(reason) or MEANING.get(metric_of(reason) or "", "") or _step(reason)


def _step(reason: str) -> str:
    """Of a step's reason, which is `block` or `block:what the block said`; a user's block may say anything."""
    block, colon, why = reason.partition(":")
    if not colon and not block.startswith("datatrove_"):
        return ""
    name = re.sub(r"^datatrove (\S.*)", r"datatrove's \1", " ".join(block.split("_")))
    return f"the recipe's step {name}" + (f": {' '.join(why.split('_'))}" if why else "")


def group(reason: str) -> str:
    """The name of the group that a reason belongs to: by metric, else by the words of its name, else `other`."""
    words = set(re.split(r"\W|_", reason))
    if metric_of(reason):
        return "repetition" if words & {"duplicate", "repeated", "top"} else "quality"
    if "duplicate" in words:  # duplicate_url too
        return "copies"
    return next((g.name for g in GROUPS if words & g.words), "other")


def language(label: str) -> str:
    """`Hindi` for hin_Deva; empty where the name is not at hand."""
    return LANGUAGES.get(label.split("_")[0], "")


def number(value: float | None) -> str:
    """At most four significant digits, thousands separated; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value) or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    """A percentage with one decimal; what is there is never shown as 0, nor a part as the whole."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "<0.1%"
    return ">99.9%" if 99.95 <= percent < 100 else f"{percent:.1f}%"


def size(count: float) -> str:
    """Bytes in decimal units: 1,234,567 is 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} PB"


def moment(created: str) -> str:
    """2026-11-23T14:02:11Z as 2026-11-23 14:02 UTC; what is no ISO date as it stands."""
    try:
        return f"{datetime.fromisoformat(created):%Y-%m-%d %H:%M %Z}".strip()
    except ValueError:
        return created


def duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{seconds:.1f} s"
