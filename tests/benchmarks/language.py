"""Language identification on held-out text: accuracy next to lid.176 and lingua, votes, and speed next to plain fastText.

`python -m tests.benchmarks.language` prints one JSON line. The documents are those of tools/make_warc.py --text. Votes
are judged on the half of them that calibrations were not fitted on; lingua on some texts of each language all know.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import fasttext
import pyarrow as pa

from curate.lid.corpus import Document, for_calibration, held_out, read_all
from curate.lid.evaluation import Evaluation, compare, units
from curate.lid.peers import LINGUA, Identifier, identifier
from filters.columns import label
from filters.labels import canonical
from filters.language import ALTERNATIVES, MINIMUM_SCORE, identify, model_path, prepare

DATA = Path("../shared/data")
SETS = (
    "raw/wikipedia_*.jsonl.gz",
    "text/ntrex128.jsonl.gz",
    "text/masakhanews.jsonl.gz",
    "text/xquad_contexts.jsonl.gz",
)
ROMANIZED = "romanized/dakshina_sentences.jsonl.gz"
TRAINING = (
    *SETS,
    "text/*.jsonl.gz",
    "romanized/dakshina_sentences.jsonl.gz",
    "romanized/hinglish_top_human.jsonl.gz",
    "parallel/flores*",
)
ENSEMBLE = "default+lid.176"
ENOUGH = 1000  # training sentences of a language
LINGUA_TEXTS = 100  # of a language: lingua is slow
SPEED_DOCUMENTS, SPEED_SENTENCES = 1500, 10_000


def expected_label(host_label: str) -> str:
    """hin_Deva for the label in a test crawl's host name: `hin`, `hi`, `hi-latn`, `eng-us`, `srp-cyrl`, `zho-cn`."""
    if host_label == "shi":  # the crawl's Tashelhiyt is in Arabic script; on the web it is mostly in Latin
        return "shi_Arab"
    return label(*canonical(host_label))


def held_out_documents() -> list[Document]:
    """Those that the crawl holds: of the romanized set, pages of at least four sentences, without their native side."""
    pages = [*read_all([str(DATA / name) for name in SETS])]
    roman = (each for each in read_all([str(DATA / ROMANIZED)]) if each.key.startswith("roman/"))
    pages += [each for each in roman if len(each.paragraphs) >= 4]
    return [each for each in pages if held_out(each.key)]


def _figures(name: str, evaluation: Evaluation) -> dict[str, float]:
    return {
        f"{name}_macro_f1": round(evaluation.macro_f1, 4),
        f"{name}_accuracy": round(evaluation.accuracy, 4),
        f"{name}_n": evaluation.pairs.total(),
        f"{name}_languages": len(evaluation.gold),
    }


def well_trained() -> frozenset[str]:
    """Languages with at least `ENOUGH` training sentences in the sets that the default model was made from."""
    sentences = Counter[str]()
    for document in read_all([str(DATA / name) for name in dict.fromkeys(TRAINING)]):
        if not held_out(document.key):
            sentences[document.label] += len(document.paragraphs)
    return frozenset(name for name, count in sentences.items() if count >= ENOUGH)


def _with_sentences(documents: Sequence[Document]) -> list[Document]:
    return [each for each in documents if each.key.startswith(("ntrex/", "roman/"))]


def _accuracy(documents: list[Document], named: dict[str, Identifier]) -> dict[str, float]:
    """Over the languages of the default model, over those that lid.176 knows too, and over those with enough training."""
    known = named["default"].languages
    both, enough = known & named["lid.176"].languages, known & well_trained()
    roman = [each for each in documents if each.key.startswith("roman/")]
    sets = {
        "documents": (documents, False),
        "sentences": (_with_sentences(documents), True),
        "romanized": (roman, False),
        "romanized_sentences": (roman, True),
    }
    figures: dict[str, float] = {"languages": len(known), "languages_in_both": len(both)}
    for name, (texts, sentences) in sets.items():
        for found in compare(texts, named, sentences=sentences, among=known):
            figures |= _figures(f"{found.model}_{name}", found)
            if not name.startswith("romanized"):
                figures |= _figures(f"{found.model}_{name}_in_both", found.among(both))
            if name == "sentences":
                figures |= _figures(f"{found.model}_{name}_well_trained", found.among(enough))
    return figures


def _votes(documents: list[Document], named: dict[str, Identifier]) -> dict[str, float]:
    """The ensemble and its members on the half of the documents that no calibration has seen."""
    unseen = [each for each in documents if not for_calibration(each.key)]
    named = named | {ENSEMBLE: identifier(ENSEMBLE)}
    known = named["default"].languages
    figures: dict[str, float] = {}
    for name, texts in (("documents", unseen), ("sentences", _with_sentences(unseen))):
        for found in compare(texts, named, sentences=name == "sentences", among=known):
            start = f"vote_{found.model}_{name}"
            figures |= _figures(start, found)
            figures[f"{start}_in_both_macro_f1"] = round(found.among(known & named["lid.176"].languages).macro_f1, 4)
            figures[f"{start}_calibration_error"] = round(found.calibration_error, 4)
    return figures


def _lingua(documents: list[Document], named: dict[str, Identifier]) -> dict[str, float]:
    """lingua, with all its languages, and ours on the same texts in the languages that all three know."""
    named = named | {LINGUA: identifier(LINGUA)}
    shared: Collection[str] = frozenset.intersection(*(each.languages for each in named.values()))
    figures: dict[str, float] = {}
    for name, texts in (("documents", documents), ("sentences", _with_sentences(documents))):
        for found in compare(texts, named, sentences=name == "sentences", among=shared, most=LINGUA_TEXTS):
            start = f"peers_{found.model}_{name}"
            figures |= _figures(start, found)
            figures[f"{start}_per_cpu_second"] = round(found.pairs.total() / found.seconds)
    return figures


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _speed(name: str, texts: list[str]) -> dict[str, float]:
    """CPU time against fastText's `predict` on the same texts, in turns: medians of eleven, each ratio within its turn.

    `predict` is given each whole text, line ends made spaces, as it asks for; then the same lines as `identify` gives it.
    """
    array, model = pa.array(texts, pa.string()), fasttext.load_model(str(model_path("default")))
    whole, lines = [text.replace("\n", " ") for text in texts], [prepare(text) for text in texts]
    turns = {
        "ours": lambda: identify(array),
        "whole": lambda: model.predict(whole),
        "lines": lambda: model.predict(lines, k=ALTERNATIVES, threshold=MINIMUM_SCORE),
    }
    seconds = [{turn: _seconds(work) for turn, work in turns.items()} for _ in range(11)]
    typical = {turn: median(each[turn] for each in seconds) for turn in turns}
    return {
        f"speed_{name}_n": len(texts),
        f"speed_{name}_mb": round(array.nbytes / 1e6, 1),
        f"speed_{name}_per_second": round(len(texts) / typical["ours"]),
        f"speed_{name}_fasttext_per_second": round(len(texts) / typical["whole"]),
        f"speed_{name}_ratio": round(median(each["whole"] / each["ours"] for each in seconds), 3),
        f"speed_{name}_ratio_same_lines": round(median(each["lines"] / each["ours"] for each in seconds), 3),
    }


def _speeds(documents: list[Document]) -> dict[str, float]:
    spread = documents[:: max(1, len(documents) // SPEED_DOCUMENTS)]
    every = [text for _, text in units(_with_sentences(documents), True)]
    sentences = list(islice(every, 0, None, max(1, len(every) // SPEED_SENTENCES)))
    return _speed("documents", ["\n".join(each.paragraphs) for each in spread]) | _speed("sentences", sentences)


def main() -> None:
    os.environ.setdefault("MULTICURATE_MODELS", str(DATA / "models"))
    documents = held_out_documents()
    identify(pa.array(["compile and load"]))
    speeds = _speeds(documents)
    named = {model: identifier(model) for model in ("default", "lid.176")}
    figures = _accuracy(documents, named) | _votes(documents, named) | _lingua(documents, named) | speeds
    print(json.dumps({"benchmark": "language", **figures}))


if __name__ == "__main__":
    main()
