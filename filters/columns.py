"""Every column of a measured document: name, Arrow type, unit, meaning. The contract between all packages.

The documents table is a superset of FineWeb-2's schema, so that its tools and ours read each other's shards.
"""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 4
PERMUTATIONS = 112  # MinHash: 14 bands of 8 (FineWeb-2); stored as 16 bits each
UNKNOWN_LANGUAGE = "und"
UNKNOWN_SCRIPT = "Zzzz"


@dataclass(frozen=True, slots=True)
class Metric:
    """One signal of a document. `source` names the system whose definition it is."""

    name: str
    unit: str  # count, ratio (0..1), percent, characters, words
    meaning: str
    source: str


def _ngram_metrics() -> list[Metric]:
    top = [
        Metric(
            f"top_{n}gram_character_ratio",
            "ratio",
            f"characters (joined by one space) of the most frequent word {n}-gram, times its count, per character of text;"
            " of equally frequent ones the first",
            "Gopher repetition",
        )
        for n in (2, 3, 4)
    ]
    duplicate = [
        Metric(
            f"duplicate_{n}gram_character_ratio",
            "ratio",
            f"characters in word {n}-grams seen before, scanned left to right without overlap, per character of text",
            "Gopher repetition",
        )
        for n in range(5, 11)
    ]
    return top + duplicate


METRICS: tuple[Metric, ...] = (
    Metric("characters", "count", "code points in the text", "-"),
    Metric("bytes", "count", "UTF-8 bytes in the text", "-"),
    Metric("words", "count", "tokens of the word breaker, punctuation tokens included", "-"),
    Metric("lines", "count", "lines that are not blank", "-"),
    Metric("sentences", "count", "sentences, ended by any script's terminal punctuation or a line end", "Setu"),
    # Gopher repetition (Rae et al. 2021, table A1), as datatrove computes it
    Metric(
        "duplicate_line_ratio", "ratio", "lines seen before, per line; lines split at runs of \\n", "Gopher repetition"
    ),
    Metric(
        "duplicate_line_character_ratio", "ratio", "characters of lines seen before, per character", "Gopher repetition"
    ),
    Metric(
        "duplicate_paragraph_ratio",
        "ratio",
        "paragraphs (split at \\n\\n+) seen before, per paragraph",
        "Gopher repetition",
    ),
    Metric(
        "duplicate_paragraph_character_ratio",
        "ratio",
        "characters of paragraphs seen before, per character",
        "Gopher repetition",
    ),
    *_ngram_metrics(),
    # Gopher quality, as datatrove computes it
    Metric("non_symbol_words", "count", "words with at least one character that is not punctuation", "Gopher quality"),
    Metric("mean_word_length", "characters", "mean length of the non-symbol words", "Gopher quality"),
    Metric("hash_word_ratio", "ratio", "'#' per word", "Gopher quality"),
    Metric("ellipsis_word_ratio", "ratio", "'...' and '…' per word", "Gopher quality"),
    Metric("bullet_line_ratio", "ratio", "lines that begin with a bullet or hyphen, per line", "Gopher quality"),
    Metric("ellipsis_line_ratio", "ratio", "lines that end in an ellipsis, per line", "Gopher quality"),
    Metric("alphabetic_word_ratio", "ratio", "words with at least one letter, per word", "Gopher quality"),
    Metric("stopwords", "count", "distinct stopwords of the language present; null without a list", "Gopher quality"),
    # FineWeb quality (Penedo et al. 2024)
    Metric(
        "terminal_punctuation_line_ratio",
        "ratio",
        "lines that end in terminal punctuation, per non-blank line",
        "FineWeb quality",
    ),
    Metric("short_line_ratio", "ratio", "lines of at most 30 characters, per non-blank line", "FineWeb quality"),
    Metric(
        "duplicate_nonblank_line_character_ratio",
        "ratio",
        "characters of non-blank lines seen before, per character other than \\n",
        "FineWeb quality",
    ),
    Metric("newline_word_ratio", "ratio", "\\n per word", "FineWeb quality"),
    # Setu (IndicLLMSuite, Khan et al. 2024)
    Metric(
        "symbol_character_ratio",
        "ratio",
        "characters that are no letter, mark, digit or whitespace, per character",
        "Setu",
    ),
    Metric("digit_character_ratio", "ratio", "decimal digits of any script, per character", "Setu"),
    Metric("mean_words_per_line", "words", "words per non-blank line", "Setu"),
    Metric(
        "foreign_letter_ratio",
        "ratio",
        "letters neither Latin nor of the document's majority script, per letter",
        "Setu",
    ),
    Metric("script_ratio", "ratio", "letters of the document's majority script, per letter", "Setu"),
    Metric(
        "flagged_word_ratio",
        "ratio",
        "words that are, or are part of a phrase, on the language's list of flagged words, per word; null without a list",
        "Setu",
    ),
    Metric("repeated_5gram_ratio", "ratio", "word 5-grams that occur at least twice, per 5-gram", "Setu"),
    Metric(
        "repeated_character_10gram_ratio",
        "ratio",
        "occurrences of the sqrt(distinct) most frequent character 10-grams, per 10-gram",
        "Setu",
    ),
    # Code-mixing and affinity, where the recipe asks for them
    Metric(
        "code_mixing_index",
        "percent",
        "words in other languages than the one with most, per word (CMI, Das & Gambäck 2014); null unless asked for",
        "code-mixing",
    ),
    Metric(
        "affinity_word_ratio",
        "ratio",
        "words that tell the language from the others, per word; null without a list, or at an address that speaks for it",
        "FineWeb-2 precision",
    ),
)

METRIC_NAMES: tuple[str, ...] = tuple(m.name for m in METRICS)

# float64 throughout, so that a cutoff compares equal in Python and in the JVM. Null: the metric does not apply.
SIGNALS: pa.DataType = pa.struct([pa.field(name, pa.float64()) for name in METRIC_NAMES])

# Half-open code-point ranges of `text`, in order and without overlap, replaced when shards are written.
EDITS: pa.DataType = pa.list_(
    pa.struct([pa.field("start", pa.int32()), pa.field("end", pa.int32()), pa.field("replacement", pa.string())])
)

# Lines of a document, line end included, by hash: see filters/site_lines.py
SITE_LINES: pa.DataType = pa.list_(
    pa.struct([pa.field("hash", pa.int64()), pa.field("start", pa.int32()), pa.field("end", pa.int32())])
)

SOURCE: pa.DataType = pa.struct([pa.field("file", pa.string()), pa.field("offset", pa.int64())])

# What `filters.language.identify` returns. top_langs is JSON as in FineWeb-2: {"hin_Deva_score": 0.98, ...}
LANGUAGE: pa.DataType = pa.struct(
    [
        pa.field("language", pa.string()),
        pa.field("language_script", pa.string()),
        pa.field("language_score", pa.float64()),
        pa.field("top_langs", pa.string()),
    ]
)

# The languages of a text and their shares of its letters, the largest first: see filters/codemix.py
LANGUAGES: pa.DataType = pa.list_(pa.struct([pa.field("language", pa.string()), pa.field("share", pa.float64())]))

DOCUMENT_FIELDS: tuple[pa.Field, ...] = (
    pa.field("text", pa.string()),  # after encoding repair, before `edits`; of a screened page the first 500 characters
    pa.field("id", pa.string()),  # the record's own, else WARC-Record-ID, else a hash of relative path and offset
    pa.field("dump", pa.string()),  # the crawl: CC-MAIN-2024-22
    pa.field("url", pa.string()),
    pa.field("date", pa.string()),  # ISO 8601
    pa.field("file_path", pa.string()),  # where the crawl kept it: the WARC, not the shard
    pa.field("part", pa.int32()),  # of a record split by language, from 1; 0: the record itself, or its largest part
    pa.field("pages", pa.list_(pa.int32())),  # of the PDF that it comes from, from 1; null: no PDF
    pa.field("language", pa.string()),  # ISO 639-3, und if unknown
    pa.field("language_score", pa.float64()),
    pa.field("language_script", pa.string()),  # ISO 15924, Zzzz if unknown
    pa.field("top_langs", pa.string()),
    pa.field("languages", LANGUAGES),  # of its lines and words; null unless the recipe looks for mixed text
    pa.field("license", pa.string()),  # as the source states it, or the address a page links to as its licence
    pa.field("opt_out", pa.string()),  # uses that the owner reserves: noai, noimageai, tdm-reservation; null: none said
)

# A file of documents/ holds one row a record that could be read, grouped by language, in `key` order.
MEASURED: pa.Schema = pa.schema(
    [
        *DOCUMENT_FIELDS,
        pa.field("signals", SIGNALS),  # null where nothing was measured
        pa.field("minhash", pa.binary()),  # PERMUTATIONS x uint16 little-endian; null: no shingles
        pa.field("exact_hash", pa.int64()),  # xxh3 of the text, lower-cased, whitespace collapsed; null: no text
        pa.field("quality", pa.float64()),
        pa.field("drop_reasons", pa.list_(pa.string())),  # found while reading; empty: goes on to the decisions
        pa.field("edits", EDITS),
        pa.field("site_lines", SITE_LINES),  # null unless the recipe looks for site boilerplate
        pa.field("source", SOURCE),
        pa.field("key", pa.int64()),  # unit << KEY_BITS | row in this file: a document's name inside jobs
    ]
)

# kept/<lang_Script>/*.parquet: the edits are applied
KEPT: pa.Schema = pa.schema(
    [
        *DOCUMENT_FIELDS,
        pa.field("minhash_cluster_size", pa.int64()),
        pa.field("rehydration_weight", pa.int64()),  # how often to repeat it; 1 unless the recipe rehydrates
        pa.field("verified", pa.bool_()),  # of a site that people judged good; null: not asked
        pa.field("cluster_id", pa.int64()),
        pa.field("signals", SIGNALS),
        pa.field("minhash", pa.binary()),
        pa.field("quality", pa.float64()),
        pa.field("drop_reasons", pa.list_(pa.string())),
        pa.field("source", SOURCE),
    ]
)

# dropped/*.parquet
DROPPED: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("language", pa.string()),
        pa.field("language_script", pa.string()),
        pa.field("reason", pa.string()),  # the first, in recipe order: the one counted
        pa.field("drop_reasons", pa.list_(pa.string())),
        pa.field("sample", pa.string()),  # the first 500 characters
        pa.field("signals", SIGNALS),
        pa.field("cluster_id", pa.int64()),
        pa.field("source", SOURCE),
    ]
)

# failed/*.parquet: what could not be read
FAILED: pa.Schema = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("url", pa.string()),
        pa.field("reason", pa.string()),  # the kind, counted: truncated, too_large, extractor_timeout ...
        pa.field("error", pa.string()),  # one line: what, and what would be right
    ]
)

SAMPLE_CHARACTERS = 500
KEY_BITS = 32  # of a key, for the row; above them the unit


def label(language: str, script: str) -> str:
    """`hin` and `Deva` as `hin_Deva`, the name used for folders, cutoffs and reports."""
    return f"{language}_{script}"
