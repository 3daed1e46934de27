"""Rules that remove single lines, or whole documents, by what stands in them: Setu's and C4's, for any script.

Setu (Khan et al. 2024, its DocClean) and C4 (Raffel et al. 2020) wrote theirs for Indic languages and English. Here:

- Terminal marks are those of every script (`filters.characters.SENTENCE_END`). Thai, Lao, New Tai Lue and Tai Viet write
  none: a line whose last letter is in one of these is never removed for the lack of one. Nor is a Tibetan line that
  ends in a letter after which the shad is left out.
- Words are counted at spaces, the tsheg and the Ethiopic wordspace; in lines with letters of a script that has no
  spaces, by the word breaker. Where there is neither (Javanese, Balinese, Yi, Tai Tham ...) a line has words enough.
- Blank lines are paragraph breaks and stay. Where lines went, no more than one blank line in a row stays.
- Setu's pattern for CSS runs from any full stop to the next brace, and so over whole pages: here it starts at a class.
- C4's lists are English; on other languages `c4_policy` and `c4_javascript` rarely find anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters import characters as ch
from filters.segment import NON_SYMBOL, segment

LineRule = Literal[
    "setu_code",
    "setu_symbols",
    "setu_terminal",
    "setu_words",
    "c4_terminal",
    "c4_words",
    "c4_javascript",
    "c4_policy",
    "c4_lorem_ipsum",
    "c4_curly_bracket",
]

NO_LINES_LEFT = "no_lines_left"
SYMBOL_SHARE = 0.4  # Setu
C4_WORDS = 3
DICTIONARY_CHARACTERS = 60  # a longer line without spaces has words enough: breaking it would be most of the time

# For RE2: linear in the text, whatever a page holds
_BLANK = r"\A[\s\p{Z}]*\z"
_SYMBOL = r"[^\p{L}\p{M}\s\p{Z}\x{200c}\x{200d}]"  # a number or punctuation: joiners spell words
_WORD = r"[^\s\p{Z}\x{200b}\x{f0b}\x{f0c}\x{1361}]+"
_BROKEN_BY_DICTIONARY = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Han}\p{Hiragana}\p{Katakana}]"
_UNBROKEN = r"[\p{Javanese}\p{Balinese}\p{Yi}\p{Tai_Tham}\p{New_Tai_Lue}\p{Tai_Viet}]"
_WITHOUT_TERMINAL = r"[\p{Thai}\p{Lao}\p{New_Tai_Lue}\p{Tai_Viet}]\P{L}*\z"
_TIBETAN_WITHOUT_SHAD = r"\x{f40}\x{f42}\x{f64}"
_CUT_OFF = r"(?:\.\.\.|…|####)[\s\p{Z}]*\z"
_SETU_ENDS = (
    r",:;)\"'”’“»\p{Pe}\p{Pf}،؛፣፤፥፦、，：；᠂᠄߸꓾꘍⁏"  # besides the terminal marks: commas, colons, brackets, quotes
)
_C4_ENDS = r"\"'”’“»」』\p{Pf}"
_CODE = (
    r"<[A-Za-z][^<>\n]*>[^\n]*?</[A-Za-z][^<>\n]*>"
    r"|\bfunction\b[ \t]*\w*[ \t]*\([^()\n]*\)\s*\{[^{}]*\}"
    r"|\.[A-Za-z_-][\w-]*[^.{}\n]*\{[^{}]*\}"
)
_POLICY = r"(?i)terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"


@dataclass(frozen=True)
class Lines:
    """The lines of a whole batch, one array; what several rules need is counted once."""

    text: pa.StringArray

    def holds(self, pattern: str) -> np.ndarray:
        """bool (lines,): where `pattern` matches."""
        return np.asarray(pc.match_substring_regex(self.text, pattern))

    def count(self, pattern: str) -> np.ndarray:
        """int (lines,): how often `pattern` matches."""
        return np.asarray(pc.count_substring_regex(self.text, pattern))

    @cached_property
    def blank(self) -> np.ndarray:
        return self.holds(_BLANK)

    @cached_property
    def words(self) -> np.ndarray:
        """int (lines,): exact where it may be too few, else only large."""
        words = self.count(_WORD).copy()
        spaceless = self.holds(_BROKEN_BY_DICTIONARY)
        long = np.asarray(pc.utf8_length(self.text)) > DICTIONARY_CHARACTERS
        words[spaceless & long] = np.iinfo(words.dtype).max
        rows = np.flatnonzero(spaceless & ~long)
        if len(rows):
            broken = segment(self.text.take(pa.array(rows)))
            before = np.concatenate([[0], np.cumsum(broken.tokens["flags"] & NON_SYMBOL > 0)])
            words[rows] = np.maximum(words[rows], np.diff(before[broken.first]))
        words[self.holds(_UNBROKEN)] = np.iinfo(words.dtype).max
        return words

    @cached_property
    def symbols(self) -> np.ndarray:
        """float (lines,): numbers and punctuation per character."""
        return self.count(_SYMBOL) / np.maximum(np.asarray(pc.utf8_length(self.text)), 1)

    def lacks_terminal(self, also: str) -> np.ndarray:
        """bool (lines,): no terminal mark, nor one of the class `also`, at the end; or cut off there."""
        ended = self.holds(rf"[{_terminal_marks()}{_TIBETAN_WITHOUT_SHAD}{also}][\s\p{{Z}}]*\z")
        return (~ended | self.holds(_CUT_OFF)) & ~self.holds(_WITHOUT_TERMINAL)


@cache
def _terminal_marks() -> str:
    """SENTENCE_END as the inside of an RE2 class."""
    return "".join(rf"\x{{{point:x}}}" for point in np.flatnonzero(ch.characters().flags & ch.SENTENCE_END))


# Which lines go
LINES: dict[str, Callable[[Lines], np.ndarray]] = {
    "setu_symbols": lambda lines: lines.symbols >= SYMBOL_SHARE,
    "setu_terminal": lambda lines: lines.lacks_terminal(_SETU_ENDS),
    "setu_words": lambda lines: lines.words <= 1,
    "c4_terminal": lambda lines: lines.lacks_terminal(_C4_ENDS),
    "c4_words": lambda lines: lines.words < C4_WORDS,
    "c4_javascript": lambda lines: lines.holds("(?i)javascript"),
    "c4_policy": lambda lines: lines.holds(_POLICY),
}
# What is cut out of the text, within lines and across them, before lines are judged
SPANS: dict[str, str] = {"setu_code": _CODE}
# Which documents go for what is left in them
DOCUMENTS: dict[str, str] = {"c4_lorem_ipsum": "(?i)lorem ipsum", "c4_curly_bracket": r"\{"}


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What the rules left: a document with a reason is to be dropped, and keeps its text as it was given."""

    text: pa.StringArray
    reasons: pa.StringArray  # null: the document goes on
    removed: dict[str, int]  # by rule: lines removed (setu_code: spans), in the documents that go on as in the others


def apply(text: pa.StringArray, rules: Sequence[str]) -> Cleaned:
    """Remove what `rules` (names of `LineRule`) object to. Null stays null; no rule, no change.

    A line that several rules object to counts under the first. Reasons: `no_lines_left`, or the name of the rule on
    documents that fired.
    """
    unknown = [rule for rule in rules if rule not in {**LINES, **SPANS, **DOCUMENTS}]
    if unknown:
        raise ValueError(f"unknown line rule {unknown[0]!r}; known: {', '.join([*SPANS, *LINES, *DOCUMENTS])}")
    left, removed = _without_spans(text, [rule for rule in rules if rule in SPANS])
    left, lines_removed = _without_lines(left, [rule for rule in rules if rule in LINES])
    left = _tidied(text, left)
    emptied = pc.and_(pc.match_substring_regex(left, _BLANK), pc.invert(pc.match_substring_regex(text, _BLANK)))
    reasons = pc.if_else(pc.fill_null(emptied, False), NO_LINES_LEFT, pa.scalar(None, pa.string()))
    for rule in [rule for rule in rules if rule in DOCUMENTS]:
        fired = pc.fill_null(pc.match_substring_regex(left, DOCUMENTS[rule]), False)
        reasons = pc.coalesce(reasons, pc.if_else(fired, rule, pa.scalar(None, pa.string())))
    return Cleaned(pc.if_else(reasons.is_valid(), text, left), reasons, removed | lines_removed)


def _without_spans(text: pa.StringArray, rules: Sequence[str]) -> tuple[pa.StringArray, dict[str, int]]:
    removed = {}
    for rule in rules:
        removed[rule] = pc.sum(pc.count_substring_regex(text, SPANS[rule])).as_py() or 0
        text = pc.replace_substring_regex(text, SPANS[rule], "")
    return text, removed


def _without_lines(text: pa.StringArray, rules: Sequence[str]) -> tuple[pa.StringArray, dict[str, int]]:
    if not rules:
        return text, {}
    parts = pc.split_pattern(text, "\n")
    lines = Lines(parts.flatten())
    stays, removed = np.ones(len(lines.text), bool), {}
    for rule in rules:
        objected = LINES[rule](lines) & stays & ~lines.blank
        removed[rule] = int(objected.sum())
        stays &= ~objected
    ends = np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(parts), 0)))
    kept = np.concatenate([[0], np.cumsum(stays)])[np.concatenate([[0], ends])]
    left = pa.ListArray.from_arrays(pa.array(kept, pa.int32()), lines.text.filter(pa.array(stays)))
    joined = pc.binary_join(left, "\n")
    return pc.if_else(text.is_valid(), joined, pa.scalar(None, pa.string())), removed


def _tidied(text: pa.StringArray, left: pa.StringArray) -> pa.StringArray:
    """Where something went: at most one blank line in a row, none at either end."""
    tidy = pc.replace_substring_regex(left, r"[ \t]+\n", "\n")
    tidy = pc.utf8_trim(pc.replace_substring_regex(tidy, r"\n\n\n+", "\n\n"), "\n")
    return pc.if_else(pc.equal(text, left), left, tidy)
