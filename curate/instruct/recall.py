"""What the memory of translations holds, found by key without reading all of it again."""

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow.dataset as ds

from curate.translate.memory import Memory

Known = dict[str, tuple[str | None, str | None]]  # key: (text, reason)
_KEY = "S16"  # of 32 hexadecimal digits
_MOST_RECENT = 1 << 20  # keys in a dict; more are sorted in with the others, at 20 bytes a key
_COLUMNS = ["key", "translation", "reason"]


class Recall:
    """An index of the memory's keys: each file is read for it once, and again only for the answers that are wanted."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._files: list[str] = []
        self._indexed: set[str] = set()
        self._keys, self._places = np.empty(0, _KEY), np.empty(0, np.int32)  # sorted; of a key its file
        self._recent: dict[bytes, int] = {}

    def refresh(self) -> None:
        """Index the files that have come since."""
        for file in self._memory.files:
            if file in self._indexed:
                continue
            place = len(self._files)
            self._indexed.add(file)
            self._files.append(file)
            keys = ds.dataset(file, format="parquet").to_table(["key"])["key"].to_pylist()
            self._recent |= dict.fromkeys(map(bytes.fromhex, keys), place)
            if len(self._recent) >= _MOST_RECENT:
                self._sort_in()

    def answers(self, keys: Collection[str]) -> Known:
        """Those that the index has."""
        wanted = sorted(keys)
        files = sorted({place for place in self._found(wanted) if place >= 0})
        if not files:
            return {}
        dataset = ds.dataset([self._files[place] for place in files], format="parquet")
        table = dataset.to_table(_COLUMNS, filter=ds.field("key").isin(wanted))
        rows = zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True)
        return {key: (text, why) for key, text, why in rows}

    def _found(self, keys: list[str]) -> Iterator[int]:
        """The file of each key; -1: of none."""
        raw = [bytes.fromhex(key) for key in keys]
        yield from (self._recent.get(key, -1) for key in raw)
        if len(self._keys):
            wanted = np.array(raw, _KEY)
            at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
            yield from self._places[at[self._keys[at] == wanted]].tolist()

    def _sort_in(self) -> None:
        keys = np.concatenate([self._keys, np.array(list(self._recent), _KEY)])
        places = np.concatenate([self._places, np.array(list(self._recent.values()), np.int32)])
        order = np.argsort(keys, kind="stable")
        self._keys, self._places, self._recent = keys[order], places[order], {}
