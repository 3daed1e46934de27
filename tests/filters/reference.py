"""Every metric from its definition, in slow plain Python over str: what the kernels are compared with."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection

from icu4py.breakers import WordBreaker

from filters.characters import _PUNCTUATION, _TERMINAL, code_points, fold
from filters.scripts import SCRIPTS, script_table

TERMINAL = frozenset(map(chr, code_points(_TERMINAL)))
PUNCTUATION = TERMINAL | frozenset(map(chr, code_points(_PUNCTUATION)))
JOINERS = frozenset("\u00ad\u200c\u200d\u2060")
TSHEG = frozenset("\u0f0b\u0f0c")
INKED_FORMAT = frozenset(map(chr, code_points("600-605 6DD 70F 890-891 8E2 110BD 110CD")))
MID_WORD = frozenset("'_·՟׳״’‿⁀")
MID_NUMBER = frozenset(",.٫٬")
NO_SPACE_SCRIPTS = ("Thai", "Laoo", "Khmr", "Mymr", "Hani", "Hira", "Kana")
KANA_MARKS = frozenset("\u3099\u309aーｰﾞﾟ")


def script(character: str) -> str:
    name = SCRIPTS[script_table()[ord(character)]]
    return "Hani" if name in ("Hira", "Kana") else name


def is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def extends(character: str) -> bool:
    return is_mark(character) or character in JOINERS


def separates(character: str) -> bool:
    if character in JOINERS or character in INKED_FORMAT:
        return False
    return character.isspace() or character in TSHEG or unicodedata.category(character) in ("Cc", "Cf", "Zs")


def without_spaces(character: str) -> bool:
    if not is_word(character) or character.isdecimal():
        return False
    return SCRIPTS[script_table()[ord(character)]] in NO_SPACE_SCRIPTS or character in KANA_MARKS


def repeats(character: str) -> bool:
    return character in PUNCTUATION or unicodedata.category(character)[0] == "P"


def stays(previous: str, character: str, following: str) -> bool:
    """Whether a mark inside a word of a spaced script stays there."""
    if not following or without_spaces(following):
        return False
    if character in MID_WORD:
        return is_word(previous) and is_word(following)
    return character in MID_NUMBER and previous.isdecimal() and following.isdecimal()


def word_end(text: str, start: int) -> int:
    spaceless, previous, i = without_spaces(text[start]), text[start], start + 1
    while i < len(text):
        character = text[i]
        inside = extends(character) or (is_word(character) and without_spaces(character) == spaceless)
        if not inside and (spaceless or is_word(character) or not stays(previous, character, text[i + 1 : i + 2])):
            break
        if is_word(character) or not extends(character):
            previous = character
        i += 1
    return i


def symbol_end(text: str, start: int) -> int:
    i = start + 1
    if repeats(text[start]):
        while text[i : i + 1] == text[start]:
            i += 1
    while i < len(text) and extends(text[i]):
        i += 1
    return i


def dictionary_words(run: str) -> list[str]:
    units = run.encode("utf-16-le")
    breaker = WordBreaker(run, "en")
    return [units[2 * start : 2 * end].decode("utf-16-le") for start, end in breaker.segments()]


def words(text: str) -> list[str]:
    found, i = [], 0
    while i < len(text):
        character = text[i]
        if separates(character) or (extends(character) and not is_mark(character)):
            i += 1
            continue
        end = word_end(text, i) if is_word(character) else symbol_end(text, i)
        found += dictionary_words(text[i:end]) if without_spaces(character) else [text[i:end]]
        i = end
    return found


def ratio(numerator: float | None, denominator: float) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


def duplicates(pieces: list[str]) -> tuple[int, int]:
    """(pieces seen before, their characters)."""
    again = [piece for i, piece in enumerate(pieces) if piece in set(pieces[:i])] if len(pieces) < 50 else None
    if again is None:
        seen: set[str] = set()
        again = []
        for piece in pieces:
            (again.append if piece in seen else seen.add)(piece)
    return len(again), sum(map(len, again))


def top_ngram(tokens: list[str], n: int) -> int | None:
    grams = [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    if not grams:
        return None
    gram, count = Counter(grams).most_common(1)[0]
    return len(gram) * count


def duplicate_ngram(tokens: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = i = 0
    while i + n <= len(tokens):
        gram = "".join(tokens[i : i + n])
        if gram in seen:
            characters += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters


def recurring(grams: list) -> int:
    return sum(count for count in Counter(grams).values() if count > 1)


def sentences(text: str) -> int:
    def ends(i: int) -> bool:
        inside = 0 < i < len(text) - 1 and is_word(text[i - 1]) and is_word(text[i + 1])
        return bool(text[i] in TERMINAL or text[i] in "།༎" or text[i].splitlines() == [""]) and not (
            text[i] == "." and inside
        )

    cut = [i for i in range(len(text)) if ends(i)]
    spans = zip([-1, *cut], [*cut, len(text)], strict=True)
    return sum(any(c.isalpha() for c in text[a + 1 : b]) for a, b in spans)


def script_metrics(text: str) -> dict[str, float | None]:
    letters = Counter(script(c) for c in text if c.isalpha() and script(c) != SCRIPTS[0])
    total = sum(letters.values())
    majority = max(letters, key=lambda name: (letters[name], -SCRIPTS.index(name)), default="")
    native = letters[majority] + (0 if majority == "Latn" else letters["Latn"])
    return {"script_ratio": ratio(letters[majority], total), "foreign_letter_ratio": ratio(total - native, total)}


def line_metrics(text: str) -> dict[str, float | None]:
    lines, paragraphs = re.split(r"\n+", text), re.split(r"\n{2,}", text.strip())
    nonblank, rows = [line for line in text.split("\n") if line.strip()], text.splitlines()
    duplicate_lines, line_characters = duplicates(lines)
    duplicate_paragraphs, paragraph_characters = duplicates(paragraphs)
    again = duplicates(nonblank)[1] if nonblank else None
    bullets = sum(row.lstrip().startswith(("•", "-")) for row in rows)
    return {
        "duplicate_line_ratio": ratio(duplicate_lines, len(lines) if text else 0),
        "duplicate_line_character_ratio": ratio(line_characters, len(text)),
        "duplicate_paragraph_ratio": ratio(duplicate_paragraphs, len(paragraphs) if text else 0),
        "duplicate_paragraph_character_ratio": ratio(paragraph_characters, len(text)),
        "lines": float(len(nonblank)),
        "terminal_punctuation_line_ratio": ratio(sum(line[-1] in TERMINAL for line in nonblank), len(nonblank)),
        "short_line_ratio": ratio(sum(len(line) <= 30 for line in nonblank), len(nonblank)),
        "duplicate_nonblank_line_character_ratio": ratio(again, len(text.replace("\n", ""))),
        "bullet_line_ratio": ratio(bullets, len(rows)),
        "ellipsis_line_ratio": ratio(sum(row.rstrip().endswith(("...", "…")) for row in rows), len(rows)),
    }


def word_metrics(text: str, tokens: list[str]) -> dict[str, float | None]:
    visible = [token for token in tokens if any(c not in PUNCTUATION for c in token)]
    five = [tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)]
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    return {
        "words": float(len(tokens)),
        "non_symbol_words": float(len(visible)),
        "mean_word_length": ratio(sum(map(len, visible)), len(visible)),
        "hash_word_ratio": ratio(text.count("#"), len(tokens)),
        "ellipsis_word_ratio": ratio(text.count("...") + text.count("…"), len(tokens)),
        "alphabetic_word_ratio": ratio(sum(any(c.isalpha() for c in token) for token in tokens), len(tokens)),
        "newline_word_ratio": ratio(text.count("\n"), len(tokens)),
        "mean_words_per_line": ratio(len(tokens), lines),
        "repeated_5gram_ratio": ratio(recurring(five), len(five)),
        **{f"top_{n}gram_character_ratio": ratio(top_ngram(tokens, n), len(text)) for n in (2, 3, 4)},
        **{f"duplicate_{n}gram_character_ratio": ratio(duplicate_ngram(tokens, n), len(text)) for n in range(5, 11)},
    }


def character_metrics(text: str) -> dict[str, float | None]:
    def symbol(c: str) -> bool:
        return not (c.isalpha() or c.isdecimal() or c.isspace() or extends(c))

    ten = Counter(text[i : i + 10] for i in range(len(text) - 9))
    top = sum(count for _, count in ten.most_common(math.isqrt(len(ten))))
    return {
        "characters": float(len(text)),
        "bytes": float(len(text.encode())),
        "sentences": float(sentences(text)),
        "symbol_character_ratio": ratio(sum(map(symbol, text)), len(text)),
        "digit_character_ratio": ratio(sum(c.isdecimal() for c in text), len(text)),
        "repeated_character_10gram_ratio": ratio(top, max(len(text) - 9, 0)),
    }


def measure(
    text: str, stopwords: Collection[str] | None, flagged: Collection[str] | None = None
) -> dict[str, float | None]:
    """All metrics of one text."""
    tokens = words(text)
    wanted = {fold_word(word) for word in flagged or ()}
    hits = None if flagged is None else sum(fold_word(token) in wanted for token in tokens)
    return {
        **character_metrics(text),
        **line_metrics(text),
        **word_metrics(text, tokens),
        **script_metrics(text),
        "stopwords": None if stopwords is None else float(len(set(stopwords) & set(tokens))),
        "flagged_word_ratio": ratio(hits, len(tokens)),
        "code_mixing_index": None,  # filters.codemix and filters.affinity measure these
        "affinity_word_ratio": None,
    }


def fold_word(word: str) -> str:
    return "".join(map(fold, word))
