"""How far spellings are from those that people wrote."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Agreement(NamedTuple):
    """Over words: the share whose spelling somebody wrote, and the edits a letter to the nearest that somebody did."""

    exact: float
    error: float


def edits(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, 1):
        above, row = row, [at]
        for place, right in enumerate(other, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (left != right)))
    return row[-1]


def nearest(spelled: str, attested: Iterable[str]) -> tuple[int, int]:
    """(edits, length) of the attested spelling that is nearest, the longest of equals."""
    distance, length = min((edits(spelled, each), -len(each)) for each in attested)
    return distance, -length


def measure(spelled: Mapping[str, str], attested: Mapping[str, Iterable[str]]) -> Agreement:
    """How the spelling of each word agrees with those attested for it."""
    exact = sum(latin in attested[word] for word, latin in spelled.items()) / len(spelled)
    pairs = [nearest(latin, attested[word]) for word, latin in spelled.items()]
    return Agreement(round(exact, 4), round(sum(far for far, _ in pairs) / sum(length for _, length in pairs), 4))
