"""Numbers and addresses of a text, compared between a source and its translation as multisets of values."""

import re
import unicodedata
from collections import Counter

from translate.mask import PLACEHOLDER

_NUMBER = re.compile(r"\d+(?:[.,'’٫٬،:\u00a0\u202f\u2009]\d+)*")
_PART = re.compile(r"\d+")
_DIGIT = re.compile(r"\d")
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'`{}|\\^()\u0964\u060c\u061b\u061f\u06d4\u2018-\u201f\u3000-\u9fff\uff00-\uffef]+"
)
_AFTER_URL = ".,;:!?…*_~-"
_LONGEST = 30  # digits; int() of millions of them takes minutes
_NOON = 12
_MOST_COMPARED = 10_000  # pairs of values


def _without(text: str) -> str:
    return _URL.sub(" ", PLACEHOLDER.sub(" ", text))


def _plain(digits: str) -> str:
    return "".join(str(unicodedata.digit(digit)) for digit in digits[:_LONGEST])


def numbers(text: str) -> Counter[str]:
    """Values outside placeholders and addresses, in ASCII digits, without separators and zeros at either end.

    A comma is a decimal sign in one language and groups thousands in another, and 1.5 million is 1500000 or 15 lakh,
    so 15 stands for all of them: a number that is ten times too large is not seen.
    """
    if not _DIGIT.search(text):
        return Counter()
    return Counter(value for found in _NUMBER.findall(_without(text)) for value in _values(found))


def _values(written: str) -> list[str]:
    """One, of a date three."""
    parts = [_plain(part) for part in _PART.findall(written)]
    if len(parts) > 2 and not _grouped(parts):
        return [part.strip("0") or "0" for part in parts]
    if len(parts) == 2 and len(parts[1]) == 2 and len(parts[0]) <= 2 and int(parts[0]) > _NOON:
        parts[0] = str(int(parts[0]) - _NOON)  # 17:30 is 5.30 pm; of prices, both sides lose the same
    return ["".join(parts).strip("0") or "0"]


def _grouped(parts: list[str]) -> bool:
    """Whether these may be groups of one number's digits, as in 1.234.567,8 or 12,34,567."""
    return len(parts[0]) <= 3 and all(len(part) in (2, 3) for part in parts[1:-1]) and len(parts[-1]) <= 3


def changed_numbers(source: str, answer: str) -> tuple[int, str]:
    """How many values were replaced: the fewer of those that are gone and those that are new, and which.

    A number that is only gone may stand there as a word, one that is only new may have been one.
    """
    before, after = numbers(source), numbers(answer)
    if before == after:
        return 0, ""
    gone, new = list((before - after).elements()), list((after - before).elements())
    if gone and new and len(gone) * len(new) <= _MOST_COMPARED:
        gone, new = _unexplained(gone, new)
    count = min(len(gone), len(new))
    return count, f"{' '.join(gone[:4])} became {' '.join(new[:4])}"[:80] if count else ""


def _unexplained(gone: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Without those that are written together on one side and apart on the other, and hours after noon."""
    together = ("".join(gone), "".join(new))
    if together[0] == together[1]:
        return [], []
    return [each for each in gone if not _joined(each, new)], [each for each in new if not _joined(each, gone)]


def _joined(value: str, others: list[str]) -> bool:
    """Whether it begins one of the others, or is there an hour 12 less or more, or a decade without its century."""
    if len(value) == 3 and value[0] in "12" and value[2] in others:  # the 1930s, significant digits 193, are the 30s
        return True
    hours = {str(int(value) + _NOON).strip("0"), str(int(value) - _NOON)} if len(value) <= 2 else set()
    return any(other in hours or (len(value) > 1 and other.startswith(value)) for other in others)


def addresses(text: str) -> Counter[str]:
    """URLs, without the punctuation after them."""
    if "://" not in text and "www." not in text:
        return Counter()
    return Counter(found[0].rstrip(_AFTER_URL) for found in _URL.finditer(text))


def changed_addresses(source: str, answer: str) -> tuple[int, str]:
    """How many URLs are gone or new, and which."""
    before, after = addresses(source), addresses(answer)
    different = [*(before - after).elements(), *(after - before).elements()]
    return len(different), " ".join(different)[:80]
