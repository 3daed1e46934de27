"""Code-mixed text: languages of lines and words, splitting, and what it costs.

`python -m tests.benchmarks.codemix` prints one JSON line. Pages are joined from the halves of two held-out documents;
one page in three is all in one language. Words: UD TECT (Telugu-English, tags by hand; its scholarly romanization is
unlike the people's that the models were trained on) and the held-out queries of Hinglish-TOP, where a word that is in
the English query too is taken for English (silver: names are, and so are words borrowed long ago).
`tect_*_majority` and `hinglish_majority` answer the more frequent language always.
"""

import json
import random
import time
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa

from curate.lid.corpus import Document, held_out, read_all
from filters import clean, minhash, signals
from filters.codemix import code_mixing_index, mixtures, parts
from filters.language import identify
from filters.mixed_lines import Run, line_languages
from filters.mixed_words import word_languages
from filters.segment import segment
from tests.benchmarks.corpora import DATA, _records

SETS = (
    "raw/wikipedia_*.jsonl.gz",
    "text/ntrex128.jsonl.gz",
    "text/masakhanews.jsonl.gz",
    "romanized/dakshina_sentences.jsonl.gz",
)
_PAIRS = """
hin_Deva-eng_Latn tam_Taml-eng_Latn urd_Arab-eng_Latn ben_Beng-eng_Latn swh_Latn-eng_Latn deu_Latn-eng_Latn
fra_Latn-eng_Latn spa_Latn-eng_Latn ind_Latn-eng_Latn hun_Latn-eng_Latn tur_Latn-eng_Latn cmn_Hani-eng_Latn
tha_Thai-eng_Latn jpn_Jpan-eng_Latn rus_Cyrl-eng_Latn som_Latn-eng_Latn zul_Latn-eng_Latn arb_Arab-fra_Latn
ukr_Cyrl-rus_Cyrl kaz_Cyrl-rus_Cyrl mar_Deva-hin_Deva cat_Latn-spa_Latn glg_Latn-spa_Latn por_Latn-spa_Latn
swe_Latn-fin_Latn afr_Latn-nld_Latn hin_Latn-eng_Latn tam_Latn-eng_Latn ben_Latn-eng_Latn hin_Latn-hin_Deva
"""
PAIRS = _PAIRS.split()
PAGES = 12  # of a pair
LINES = 12  # at most, of either half


def _documents() -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for document in read_all([str(DATA / name) for name in SETS]):
        if held_out(document.key) and len(document.paragraphs) >= 4:
            found[document.label].append(document)
    return found


def _half(document: Document, second: bool) -> list[str]:
    middle = len(document.paragraphs) // 2
    return list(document.paragraphs[middle:][:LINES] if second else document.paragraphs[:middle][:LINES])


def _joined(documents: dict[str, list[Document]]) -> list[tuple[str, list[str], list[str]]]:
    """(pair, lines, the language of each): first half in one language, second in another."""
    chance, pages = random.Random(1), []
    for pair in PAIRS:
        one, other = pair.split("-")
        for _ in range(PAGES):
            first, second = (_half(chance.choice(documents[name]), at) for at, name in enumerate((one, other)))
            pages.append((pair, [*first, *second], [one] * len(first) + [other] * len(second)))
    return pages


def _lines(documents: dict[str, list[Document]]) -> dict[str, object]:
    pages = _joined(documents)
    found = line_languages(pa.array(["\n".join(lines) for _, lines, _ in pages]))
    right, total, exact, near = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for (pair, lines, gold), runs in zip(pages, found, strict=True):
        starts = np.cumsum([0, *(len(line) + 1 for line in lines[:-1])]).tolist()
        answers = [next(run.language for run in reversed(runs) if run.start <= start) for start in starts]
        right[pair] += sum(map(str.__eq__, answers, gold))
        total[pair] += len(gold)
        changes = [at for at in range(1, len(answers)) if answers[at] != answers[at - 1]]
        wanted = gold.index(gold[-1])
        exact[pair] += changes == [wanted]
        near[pair] += any(abs(at - wanted) <= 1 for at in changes)
    accuracy = {pair: right[pair] / total[pair] for pair in PAIRS}
    worst = sorted(accuracy, key=lambda pair: accuracy[pair])[:5]
    return {
        "pairs": len(PAIRS),
        "pages": len(pages),
        "line_n": total.total(),
        "line_accuracy": round(right.total() / total.total(), 4),
        "line_accuracy_mean_of_pairs": round(float(np.mean(list(accuracy.values()))), 4),
        "only_change_exactly_there": round(exact.total() / len(pages), 4),
        "a_change_within_a_line": round(near.total() / len(pages), 4),
        "worst_pairs": {pair: round(accuracy[pair], 3) for pair in worst},
    }


def _split(documents: dict[str, list[Document]]) -> dict[str, object]:
    """Whether joined pages are split into just their halves, and whole documents are left alone."""
    pages = _joined(documents)
    texts = pa.array(["\n".join(lines) for _, lines, _ in pages])
    found = parts(texts, line_languages(texts))
    halves = 0
    for (_, lines, gold), each in zip(pages, found, strict=True):
        change = gold.index(gold[-1])
        halves += [part.text for part in each] == ["\n".join(lines[:change]), "\n".join(lines[change:])]
    chance = random.Random(2)
    whole = chance.sample([each for name in sorted(documents) for each in documents[name]], 1000)
    alone = pa.array(["\n".join(each.paragraphs) for each in whole])
    made = mixtures(alone)
    left = parts(alone, [each.lines for each in made])
    index = [each.code_mixing_index or 0.0 for each in made]
    return {
        "split_in_two": round(sum(len(each) == 2 for each in found) / len(pages), 4),
        "split_into_the_halves_exactly": round(halves / len(pages), 4),
        "whole_n": len(whole),
        "whole_documents_split": round(sum(map(bool, left)) / len(whole), 4),
        "whole_documents_mean_index": round(float(np.mean(index)), 2),
        "whole_documents_index_over_10": round(float(np.mean(np.array(index) > 10)), 4),
    }


def _word_answers(sentences: list[list[str]], language: str | None) -> list[list[str | None]]:
    """The language of each token, None where it has no letter; `language`: that of the line, None: found."""
    texts = pa.array([" ".join(words) for words in sentences])
    lines = line_languages(texts) if language is None else [[Run(0, len(text), language)] for text in texts.to_pylist()]
    answers = []
    for sentence, words in zip(sentences, word_languages(segment(texts), lines), strict=True):
        starts = np.cumsum([0, *(len(word) + 1 for word in sentence)])
        at = np.searchsorted(starts, words.starts, "right") - 1
        first: dict[int, str] = {}
        for place, name in zip(at.tolist(), words.languages, strict=True):
            first.setdefault(place, name)
        answers.append([first.get(place) for place in range(len(sentence))])
    return answers


def _judged(sentences: list[list[str]], english: list[list[bool | None]], language: str | None) -> dict[str, float]:
    """Accuracy of English or not, and how the code-mixing indices agree."""
    answers = _word_answers(sentences, language)
    pairs = [
        (want, got == "eng_Latn")
        for gold, each in zip(english, answers, strict=True)
        for want, got in zip(gold, each, strict=True)
        if want is not None and got
    ]
    true = [code_mixing_index([str(want) for want in gold if want is not None]) or 0.0 for gold in english]
    seen = [
        code_mixing_index(
            [str(got == "eng_Latn") for want, got in zip(gold, each, strict=True) if got and want is not None]
        )
        or 0.0
        for gold, each in zip(english, answers, strict=True)
    ]
    english_share = sum(want for want, _ in pairs) / len(pairs)
    found = sum(want and got for want, got in pairs)
    return {
        "n": len(pairs),
        "accuracy": round(sum(want == got for want, got in pairs) / len(pairs), 4),
        "majority": round(max(english_share, 1 - english_share), 4),
        "english_precision": round(found / max(1, sum(got for _, got in pairs)), 3),
        "english_recall": round(found / max(1, sum(want for want, _ in pairs)), 3),
        "index_correlation": round(float(np.corrcoef(true, seen)[0, 1]), 3),
        "index_mean_error": round(float(np.mean(np.abs(np.array(true) - seen))), 2),
    }


def _tect() -> dict[str, float]:
    rows = [row for row in _records("text/ud_sentences.jsonl.gz") if "TECT" in row["treebank"]]
    sentences = [[word for word, _ in row["tokens"]] for row in rows]
    english = [[{"en": True, "te": False}.get(tag) for _, tag in row["tokens"]] for row in rows]
    named = {f"tect_{name}": value for name, value in _judged(sentences, english, "tel_Latn").items()}
    return named | {"tect_accuracy_unaided": _judged(sentences, english, None)["accuracy"]}


def _hinglish() -> dict[str, float]:
    rows = [
        row for at, row in enumerate(_records("romanized/hinglish_top_human.jsonl.gz")) if held_out(f"hinglish/{at}")
    ]
    sentences = [row["hinglish"].split() for row in rows]
    english = [
        [word.lower() in set(row["en"].lower().split()) if any(map(str.isalpha, word)) else None for word in sentence]
        for row, sentence in zip(rows, sentences, strict=True)
    ]
    named = {f"hinglish_{name}": value for name, value in _judged(sentences, english, "hin_Latn").items()}
    return named | {"hinglish_accuracy_unaided": _judged(sentences, english, None)["accuracy"]}


def _seconds(work: object) -> float:
    start = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - start


def _cost(documents: dict[str, list[Document]]) -> dict[str, float]:
    """CPU time against that of the rest of measuring a text: repair, language, PII, signals, MinHash."""
    chance = random.Random(3)
    names = [
        name for name in ("eng_Latn", "hin_Deva", "hin_Latn", "deu_Latn", "tam_Taml", "swh_Latn") if documents[name]
    ]
    texts = pa.array(
        [
            "\n".join(each.paragraphs)
            for name in names
            for each in chance.sample(documents[name], min(60, len(documents[name])))
        ]
    )
    labels = pa.array(["eng_Latn"] * len(texts))

    def rest() -> None:
        repaired = clean.repair(texts)
        identify(repaired)
        segments = segment(repaired)
        clean.pii(repaired)
        signals.measure(repaired, labels, segments=segments)
        minhash.pack(minhash.signatures(repaired, labels, segments=segments))

    turns = {
        "rest": rest,
        "mixed": lambda: mixtures(texts),
        "lines": lambda: line_languages(texts),
        "identify": lambda: identify(texts),
    }
    for turn in turns.values():
        turn()
    best = {name: min(_seconds(turn) for _ in range(3)) for name, turn in turns.items()}
    return {
        "cost_mb": round(texts.nbytes / 1e6, 2),
        "cost_of_rest": round(best["mixed"] / best["rest"], 2),
        "cost_of_rest_lines_alone": round(best["lines"] / best["rest"], 2),
        "mixed_mb_per_second": round(texts.nbytes / 1e6 / best["mixed"], 2),
    }


def main() -> None:
    documents = _documents()
    figures = {**_lines(documents), **_split(documents), **_tect(), **_hinglish(), **_cost(documents)}
    print(json.dumps({"benchmark": "codemix", **figures}))


if __name__ == "__main__":
    main()
