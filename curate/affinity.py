"""Affinity word lists from labelled text, and how much of each language in a measured run holds none of its words."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.lid.corpus import Document, read_all
from curate.recipe import RecipeError
from curate.runfolder import RunFolder, open_parquet, walk
from filters.affinity import Spellings, WordCounts, word_documents
from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT, label
from filters.segment import hash_words, segment
from thresholds.rule import Provenance, Rule
from thresholds.table import ANY_LANGUAGE, CutoffTable, LanguageCutoffs

METRIC = "affinity_word_ratio"
CONTAMINATED = 0.1  # share of documents without a listed word from which FineWeb-2 filters a language
SAMPLE = 300  # documents of a language without a listed word whose words are looked up in the other lists
_BATCH = 2000
_BATCH_CHARACTERS = 8_000_000


def build(inputs: list[str]) -> dict[str, list[str]]:
    """The words of each language, most frequent first, from labelled text (`curate.lid.corpus.read`), read twice."""
    counts = WordCounts()
    for texts, labels in _batches(read_all(inputs)):
        counts.add(texts, labels)
    spellings = Spellings(counts.lists())
    for texts, labels in _batches(read_all(inputs)):
        spellings.add(texts, labels)
    return spellings.words()


def _batches(documents: Iterable[Document]) -> Iterator[tuple[pa.StringArray, pa.StringArray]]:
    known = (each for each in documents if each.paragraphs and not each.label.startswith(UNKNOWN_LANGUAGE))
    while batch := list(_some(known)):
        yield (
            pa.array(["\n".join(each.paragraphs) for each in batch], pa.string()),
            pa.array([each.label for each in batch], pa.string()),
        )


def _some(documents: Iterator[Document]) -> Iterator[Document]:
    """Documents until they are many, or long."""
    held = 0
    for document in islice(documents, _BATCH):
        yield document
        held += sum(map(len, document.paragraphs))
        if held > _BATCH_CHARACTERS:
            return


@dataclass
class Contamination:
    """What was measured of one language."""

    documents: int = 0
    hinted: int = 0  # at an address that speaks for the language
    without: int = 0  # neither that nor a listed word
    sample: list[str] = field(default_factory=list)  # texts of those, chosen by chance
    looks_like: Counter[str] = field(default_factory=Counter)  # of the sample: whose words they hold most

    @property
    def share(self) -> float:
        return self.without / max(1, self.documents)


def contamination(folder: RunFolder) -> dict[str, Contamination]:
    """Of each language with a list, the most contaminated first. RecipeError where the run was measured without lists."""
    found: dict[str, Contamination] = {}
    chance = random.Random(1)
    for path in sorted(walk(folder.documents, ".parquet")):
        with open_parquet(path) as parquet:
            if parquet.schema_arrow.field("signals").type.get_field_index(METRIC) >= 0:  # else an older version's
                for group in range(parquet.num_row_groups):
                    _count(parquet, group, found, chance)
    listed = {name: each for name, each in found.items() if each.hinted < each.documents}
    if not listed:
        raise RecipeError(f"{folder.root}: it was measured without affinity lists; set words.affinity in the recipe")
    return dict(sorted(listed.items(), key=lambda item: (-item[1].share, item[0])))


def _count(parquet: pq.ParquetFile, group: int, found: dict[str, Contamination], chance: random.Random) -> None:
    rows = parquet.read_row_group(group, columns=["language", "language_script", f"signals.{METRIC}"])
    signals = rows["signals"].combine_chunks()
    measured = pc.is_valid(signals).to_numpy(zero_copy_only=False)
    ratio = pc.struct_field(signals, METRIC).to_numpy(zero_copy_only=False)
    names = np.array(pc.binary_join_element_wise(rows["language"], rows["language_script"], "_").to_pylist(), object)
    chosen: list[tuple[Contamination, int, int]] = []
    for name in sorted(set(names[measured].tolist())):
        each = found.setdefault(name, Contamination())
        mine = measured & (names == name)
        each.documents += int(mine.sum())
        each.hinted += int((mine & np.isnan(ratio)).sum())
        for row in np.flatnonzero(mine & (ratio == 0)).tolist():
            place = each.without if each.without < SAMPLE else chance.randrange(each.without + 1)
            each.without += 1
            if place < SAMPLE:
                chosen.append((each, place, row))
    if chosen:
        texts = parquet.read_row_group(group, columns=["text"])["text"]
        for each, place, row in chosen:
            each.sample[place : place + 1] = [texts[row].as_py()]


def resemble(found: Mapping[str, Contamination], lists: Mapping[str, Iterable[str]]) -> None:
    """Fill in `looks_like`: the language whose listed words a sampled document holds most; und where it holds none."""
    names = sorted(lists)
    hashes = [hash_words(sorted(set(lists[name])))[1] for name in names]
    words = np.concatenate([*hashes, np.empty(0, np.uint64)])
    owner = np.repeat(np.arange(len(names)), [len(each) for each in hashes])
    order = np.argsort(words, kind="stable")
    words, owner = words[order], owner[order]
    for each in found.values():
        if each.sample and len(words):
            each.looks_like.update(_closest(pa.array(each.sample, pa.string()), words, owner, names))


def _closest(texts: pa.StringArray, words: np.ndarray, owner: np.ndarray, names: list[str]) -> list[str]:
    hashes, documents = word_documents(segment(texts))
    counts = np.zeros((len(texts), len(names)), np.int32)
    first, last = np.searchsorted(words, hashes, "left"), np.searchsorted(words, hashes, "right")
    for offset in range(int((last - first).max(initial=0))):  # a word may be on several lists
        on = np.flatnonzero(first + offset < last)
        np.add.at(counts, (documents[on], owner[first[on] + offset]), 1)
    best = counts.argmax(axis=1)
    return [
        names[at] if counts[row, at] else label(UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT)
        for row, at in enumerate(best.tolist())
    ]


def with_rules(table: CutoffTable, found: Mapping[str, Contamination]) -> CutoffTable:
    """The table with FineWeb-2's rule, before the others, for the languages that are contaminated enough."""
    entries: dict[str, LanguageCutoffs] = dict(table.languages)
    for name, each in found.items():
        if each.share > CONTAMINATED:
            origin = Provenance(method="fixed", documents=each.documents, removed_crawl=round(each.share, 4))
            rule = Rule(metric=METRIC, operator="<=", cutoff=0.0, group="language", provenance=origin)
            entry = table.languages.get(name) or table.languages.get(ANY_LANGUAGE, LanguageCutoffs())
            others = tuple(other for other in entry.rules if other.metric != METRIC)
            entries[name] = replace(entry, rules=(rule, *others))
    return replace(table, languages=entries)
