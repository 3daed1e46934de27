"""Language identification on held-out text: accuracy next to lid.176, and speed next to plain fastText.

`python -m tests.benchmarks.language` prints one JSON line. The documents are those of tools/make_warc.py --text.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import fasttext
import pyarrow as pa

from curate.lid import Evaluation, evaluate
from curate.lid_corpus import Document, held_out, read_all
from filters.columns import label
from filters.labels import canonical
from filters.language import ALTERNATIVES, MINIMUM_SCORE, identify, known_labels, model_path, prepare

DATA = Path("../shared/data")
SETS = (
    "raw/wikipedia_*.jsonl.gz",
    "text/ntrex128.jsonl.gz",
    "text/masakhanews.jsonl.gz",
    "text/xquad_contexts.jsonl.gz",
)
ROMANIZED = "romanized/dakshina_sentences.jsonl.gz"
SPEED_DOCUMENTS = 3000


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
    }


def _accuracy(documents: list[Document]) -> dict[str, float]:
    """Over the languages of the default model, then over those that lid.176 knows too."""
    both = {label(*name) for name in known_labels() & known_labels("lid.176")}
    sets = {
        "documents": (documents, False),
        "sentences": ([each for each in documents if each.key.startswith(("ntrex/", "roman/"))], True),
        "romanized": ([each for each in documents if each.key.startswith("roman/")], False),
        "romanized_sentences": ([each for each in documents if each.key.startswith("roman/")], True),
    }
    known = {label(*name) for name in known_labels()}
    figures: dict[str, float] = {"languages": len(known), "languages_in_both": len(both)}
    for name, (texts, sentences) in sets.items():
        for model in ("default", "lid.176"):
            figures |= _figures(f"{model}_{name}", evaluate(texts, model=model, sentences=sentences, among=known))
            if not name.startswith("romanized"):
                shared = evaluate(texts, model=model, sentences=sentences, among=both)
                figures |= _figures(f"{model}_{name}_in_both", shared)
    return figures


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _speed(documents: list[Document]) -> dict[str, float]:
    """CPU time against fastText's `predict`, on the same whole texts and on the same lines as sampled; best of three."""
    texts = ["\n".join(each.paragraphs) for each in documents[:: max(1, len(documents) // SPEED_DOCUMENTS)]]
    array, model = pa.array(texts, pa.string()), fasttext.load_model(str(model_path("default")))
    lines = [prepare(text) for text in texts]
    turns = {
        "ours": lambda: identify(array),
        "whole": lambda: model.predict([text.replace("\n", " ") for text in texts], k=ALTERNATIVES),
        "sampled": lambda: model.predict(lines, k=ALTERNATIVES, threshold=MINIMUM_SCORE),
    }
    seconds = [{name: _seconds(turn) for name, turn in turns.items()} for _ in range(3)]
    best = {name: min(each[name] for each in seconds) for name in turns}
    return {
        "speed_n": len(texts),
        "speed_mb": round(array.nbytes / 1e6, 1),
        "docs_per_second": round(len(texts) / best["ours"]),
        "fasttext_docs_per_second": round(len(texts) / best["whole"]),
        "speed_ratio": round(best["whole"] / best["ours"], 2),
        "speed_ratio_same_lines": round(best["sampled"] / best["ours"], 2),
    }


def main() -> None:
    os.environ.setdefault("MULTICURATE_MODELS", str(DATA / "models"))
    documents = held_out_documents()
    identify(pa.array(["compile and load"]))
    print(json.dumps({"benchmark": "language", **_accuracy(documents), **_speed(documents)}))


if __name__ == "__main__":
    main()
