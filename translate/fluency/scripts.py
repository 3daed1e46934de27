"""Which letters are a language's own: those of the scripts that its text is mostly in."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from filters.labels import MEMBERS
from filters.scripts import (
    CODE_POINTS,
    SCRIPT_INDEX,
    SCRIPTS,
    letter_counts,
    letter_table,
    majority_script,
    script_table,
)

_OWN_SHARE = 0.25  # of the letters; quotations and names in Latin letters were 11 % of an encyclopedia in Urdu


def own_scripts(texts: Sequence[str]) -> tuple[str, ...]:
    """ISO 15924: the script of most letters, with those written beside it (kana), and any other that has its share."""
    counts = letter_counts(pa.array(texts, pa.string())).sum(axis=0, dtype=np.int64, keepdims=True)
    main = str(majority_script(counts)[0])
    often = [SCRIPTS[at] for at in np.flatnonzero(counts[0] >= _OWN_SHARE * max(1, counts.sum()))]
    return tuple(sorted({*often, *MEMBERS.get(main, (main,))}))


@lru_cache(8)
def foreign_letters(own: tuple[str, ...]) -> np.ndarray:
    """bool by code point, read-only: letters of one script that is not among these. Longer than the code points by two."""
    foreign = np.ones(len(SCRIPTS), bool)
    foreign[[0, *(SCRIPT_INDEX[name] for name in own if name in SCRIPT_INDEX)]] = False
    table = np.zeros(CODE_POINTS + 2, bool)
    table[:CODE_POINTS] = letter_table() & foreign[script_table()]
    table.flags.writeable = False
    return table


@lru_cache(1)
def letters() -> np.ndarray:
    """As `foreign_letters`, all of them."""
    return np.concatenate([letter_table(), np.zeros(2, bool)])
