"""The fluency model: damaged sentences told from native ones, by language and kind of damage; speed and memory.

`python -m tests.benchmarks.fluency` prints one JSON line. Trained on Wikipedia (or, where there is none, XQuAD's paragraphs,
MasakhaNEWS and four documents of NTREX-128 in five); judged on documents it never saw: `native` of the training's own kind
where that is Wikipedia or MasakhaNEWS (without what is quoted from other scripts whole), and `news` of NTREX.
Damaged are sentences of `news`:
    shuffled        words in any order          neighbours      one pair of words in three swapped
    half_english    the second half English     garbled         one character in ten dropped or another of the text
AUC against the undamaged sentences, by the model's rank (`strangeness`), its bits a character alone, and a unigram model's.
"""

import json
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np

from curate.lid.corpus import Document, held_out, read_all
from filters.segment import words
from tests.benchmarks.corpora import DATA, _records
from translate.checks.check import CUTOFFS
from translate.fluency.model import LEAST_CHARACTERS, MAXIMUM_BYTES, FluencyModel, train

SETS = (
    "raw/wikipedia_*.jsonl.gz", "text/masakhanews.jsonl.gz", "text/xquad_contexts.jsonl.gz", "text/ntrex128.jsonl.gz", "text/lingua_testdata.jsonl.gz",
)  # fmt: skip
_LANGUAGES = """
hin_Deva tam_Taml ben_Beng urd_Arab tel_Telu mar_Deva pan_Guru tha_Thai jpn_Jpan arb_Arab swh_Latn som_Latn deu_Latn
rus_Cyrl tur_Latn
"""
LANGUAGES = _LANGUAGES.split()
MOST = 1200  # sentences of a set
_LONG_WORD = 16  # characters, at the mean of a sentence

Damage = Callable[[random.Random, str, str, list[str]], str]


def _pieces(sentence: str) -> list[str]:
    """Words with what follows them, so that they give the sentence when joined."""
    spaced = sentence.split()
    if len(sentence) <= _LONG_WORD * len(spaced):
        return [f"{word} " for word in spaced]
    return words(sentence)  # Thai has spaces between phrases, Japanese none


def _shuffled(chance: random.Random, sentence: str, _: str, __: list[str]) -> str:
    pieces = _pieces(sentence)
    return "".join(chance.sample(pieces, len(pieces))).strip()


def _neighbours(chance: random.Random, sentence: str, _: str, __: list[str]) -> str:
    pieces = _pieces(sentence)
    at = 0
    while at + 1 < len(pieces):
        if chance.random() < 1 / 3:
            pieces[at], pieces[at + 1] = pieces[at + 1], pieces[at]
            at += 1
        at += 1
    return "".join(pieces).strip()


def _half_english(_: random.Random, sentence: str, english: str, __: list[str]) -> str:
    pieces, foreign = _pieces(sentence), english.split()
    return f"{''.join(pieces[: len(pieces) // 2])} {' '.join(foreign[len(foreign) // 2 :])}"


def _garbled(chance: random.Random, sentence: str, _: str, letters: list[str]) -> str:
    kinds = [chance.random() for _ in sentence]
    return "".join(
        "" if kind < 0.05 else chance.choice(letters) if kind < 0.1 else each
        for kind, each in zip(kinds, sentence, strict=True)
    )


DAMAGES: dict[str, Damage] = {
    "shuffled": _shuffled, "neighbours": _neighbours, "half_english": _half_english, "garbled": _garbled,
}  # fmt: skip


def _documents() -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for document in read_all([str(DATA / name) for name in SETS]):
        found[document.label].append(document)
    return found


def _sentences(documents: list[Document], seed: int) -> list[str]:
    """Of those that are judged at all."""
    found = [part for each in documents for part in each.paragraphs if LEAST_CHARACTERS <= len(part) <= 1000]
    random.Random(seed).shuffle(found)
    return found[:MOST]


def _divided(documents: list[Document]) -> tuple[list[Document], list[str], list[str]]:
    """(learned from, held-out sentences of the same kind, news)."""
    others = [each for each in documents if not each.key.startswith("ntrex/")]
    news = [each for each in documents if each.key.startswith("ntrex/")]
    own = [each for each in others if each.key.startswith(("wiki/", "news/"))]
    if own:
        return (
            [each for each in own if not held_out(each.key)],
            _sentences([each for each in own if held_out(each.key)], 1),
            _sentences(news, 2),
        )
    learned = [each for each in documents if not held_out(each.key)]
    return learned, [], _sentences([each for each in news if held_out(each.key)], 2)


def _auc(native: np.ndarray, damaged: np.ndarray) -> float:
    """The chance that a damaged sentence scores above a native one; equal ones count half."""
    ascending = np.sort(native)
    below = np.searchsorted(ascending, damaged, "left") + np.searchsorted(ascending, damaged, "right")
    return round(float(below.mean()) / (2 * len(native)), 3)


def _language(documents: list[Document], english: list[str]) -> dict[str, object]:
    learned, native, news = _divided(documents)
    texts = ["\n".join(each.paragraphs) for each in learned]
    model, unigram = train(texts), train(texts, order=1)
    cutoff, letters = CUTOFFS["disfluent"].value, list("".join(news))
    native = [text for text, share in zip(native, model.scores(native).foreign, strict=True) if share <= 0.5]
    strange, bits, plain = model.strangeness(news), model.score(news), unigram.score(news)
    figures: dict[str, object] = {
        "learned_mb": round(sum(len(text.encode()) for text in texts) / 1e6, 2),
        "held_out_n": len(model.native.lengths),
        "native_n": len(native),
        "native_flagged": _share(model, native, cutoff) if native else None,
        "news_n": len(news),
        "news_flagged": round(float((strange >= cutoff).mean()), 4),
    }
    for kind, damage in DAMAGES.items():
        chance = random.Random(3)
        damaged = [damage(chance, each, chance.choice(english), letters) for each in news]
        changed = [at for at, each in enumerate(damaged) if each != news[at]]
        damaged = [damaged[at] for at in changed]
        figures[kind] = {
            "auc": _auc(strange, model.strangeness(damaged)),
            "auc_bits": _auc(bits, model.score(damaged)),
            "auc_unigram": _auc(plain, unigram.score(damaged)),
            "found": _share(model, damaged, cutoff),
        }
    return figures


def _share(model: FluencyModel, texts: list[str], cutoff: float) -> float:
    return round(float((model.strangeness(texts) >= cutoff).mean()), 4)


def _means(by_language: dict[str, dict[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in ("native_flagged", "news_flagged"):
        values = [figures[name] for figures in by_language.values() if figures[name] is not None]
        found[name] = round(float(np.mean(values)), 4)
    for kind in DAMAGES:
        each = [figures[kind] for figures in by_language.values()]
        found[kind] = {name: round(float(np.mean([one[name] for one in each])), 3) for name in each[0]}  # type: ignore[index, attr-defined]
    return found


def _speed(documents: dict[str, list[Document]]) -> dict[str, float]:
    """MB of UTF-8 a second of CPU time."""
    found = {}
    for name in ("hin_Deva", "jpn_Jpan", "swh_Latn"):
        learned, _, news = _divided(documents[name])
        texts = ["\n".join(each.paragraphs) for each in learned]
        start = time.process_time()
        model = train(texts)
        size = sum(len(text.encode()) for text in texts)
        found[f"train_{name}"] = round(size / 1e6 / (time.process_time() - start), 2)
        best = min(_seconds(lambda model=model, news=news: model.strangeness(news)) for _ in range(3))  # type: ignore[misc]
        found[f"score_{name}"] = round(sum(len(text.encode()) for text in news) / 1e6 / best, 2)
    return found


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak(kind: str) -> dict[str, float]:
    """Peak memory of a process that trains on more text than the budget: MB, beside what it had before."""
    found = _records("raw/english_novels.jsonl.gz" if kind == "english" else "raw/hindi_pd_literature.jsonl.gz")
    texts, chance = [row["text"] for row in found], random.Random(5)
    letters = [each for each in set("".join(texts)) if each.isalpha()]
    # Other text of the same shape, five times as much in all: letters exchanged, and so nearly all n-grams new
    ciphers = [str.maketrans(dict(zip(letters, chance.sample(letters, len(letters)), strict=True))) for _ in range(4)]
    texts += [text.translate(cipher) for cipher in ciphers for text in texts]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = train(texts)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "mb": round(after / 1024),
        "mb_of_text": round(sum(len(text.encode()) for text in texts) / 1e6),
        "mb_before": round(before / 1024),
        "n_grams": len(model.table.keys),
    }


def _memory() -> dict[str, object]:
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return {kind: pool.apply(_peak, (kind,)) for kind in ("english", "hindi")}


def main() -> None:
    documents = _documents()
    english = _sentences([each for each in documents["eng_Latn"] if each.key.startswith("ntrex/")], 4)
    by_language = {name: _language(documents[name], english) for name in sys.argv[1:] or LANGUAGES}
    figures = {**_means(by_language), "mb_a_second": _speed(documents), "memory": _memory()}
    figures["budget_mb"] = MAXIMUM_BYTES >> 20
    print(
        json.dumps({"benchmark": "fluency", "cutoff": CUTOFFS["disfluent"].value, **figures, "languages": by_language})
    )


if __name__ == "__main__":
    main()
