"""Our signals beside datatrove's three FineWeb filters on the same documents: is each number, and each verdict, the same?

    python -m tests.benchmarks.parity [documents per language at most, default 150]

Two word breakers are plugged into datatrove: ours, and datatrove's own of each language where its tokenizer can be
installed here (the extra `bench`; Korean, Lao, Burmese and Tibetan have none of it). Cutoffs are the medians of our
values over the documents of the language, so that a rule drops about half and agreement is not vacuous. Each rule is
judged alone, and the three filters whole: with all rules at their medians almost every document is dropped by some rule,
so the share dropped is told beside the agreement. In a whole filter a metric with two cutoffs has one (fewest words,
longest mean word). `defaults` is the three filters at datatrove's own cutoffs, English ones for every language.

What was found (3,841 documents, 32 languages, 22 scripts, 2026-11-24):

- With our breaker in datatrove every value is datatrove's to the last bit (96,025 of 96,025), so is every verdict.
- With datatrove's own breakers (3,549 documents, 28 languages), agreement of the filters Gopher repetition, Gopher quality
  and FineWeb quality, at medians: 96.7, 96.6 and 98.6 %: the first two miss 97. In languages with spaces 98.0, 97.2 and
  99.2 %; in Thai, Chinese and Japanese 82.2, 89.5 and 90.9 %. At datatrove's default cutoffs 99.4, 96.9 and 100.0 %.
- The metrics of lines, paragraphs, hashes and ellipses agree on every document: no words in them.
- What falls short is all word breaking. The mean word length (90.7 %) and the share of alphabetic words (91.9 %) count
  single tokens, and the median is where most documents are. Thai, Chinese, Japanese: ICU's dictionary against newmm,
  jieba and SudachiPy. Hebrew and Armenian (91 to 95 %, Armenian FineWeb 86 %): spaCy leaves the prefix's hyphen, the
  gershayim “ and the full stop ։ in the word. German and Somali: spaCy leaves hyphens in (Covid-19), we cut there;
  English: do + n't, 's. Indic languages: IndicNLP splits at spaces but not at line ends, so that the last word of a line and
  the first of the next are one, and keeps Sindhi's and Hindi's curly quotes in the word.
- Each system at its own median instead of ours changes little; cutoffs should be derived with the breaker they serve.

One JSON line: the figures of both breakers, by filter, by language and by rule, and DIFFERENCES.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from filters.segment import words
from tests.benchmarks.corpora import _records, english, news
from tests.filters.datatrove_parity import MODULES, Breaker, Parity, compare, own_breaker

# Where a definition differs on purpose: (what, datatrove, ours, why)
DIFFERENCES: tuple[tuple[str, str, str, str], ...] = (
    (
        "word breaking with spaces",
        "spaCy, Stanza, IndicNLP or NLTK by language: rules and exceptions of each (English don't is do + n't)",
        "one breaker for all: runs of letters, marks and digits, with apostrophes and points inside (don't is one word)",
        "the same rule in every language, many times faster (tests.benchmarks.signals), nothing to install",
    ),
    (
        "word breaking without spaces (Thai, Lao, Khmer, Burmese, Chinese, Japanese)",
        "pythainlp, laonlp, khmer-nltk, pyidaungsu, jieba, SudachiPy",
        "ICU's dictionaries",
        "another dictionary draws other words: mean length, counts and n-grams shift, so derive cutoffs with the breaker"
        " that they are applied with",
    ),
    ("Tibetan", "botok's words", "syllables, at the tsheg", "no dictionary in ICU"),
    (
        "empty text, text of blank lines",
        'dropped as "empty"',
        "signals are null or 0 and no rule fires on null; `curate` itself drops an empty text as `empty`",
        "a metric is a number, not a verdict",
    ),
    (
        "text without a word",
        "ZeroDivisionError in Gopher quality and FineWeb quality",
        "metrics per word are null",
        "one odd page must not end a job",
    ),
    (
        "fewer than n words",
        "the test of the top n-gram is left out",
        "top_ngram is null: no rule fires",
        "the same verdict",
    ),
    (
        "a cutoff of 0",
        "turns a Gopher test off",
        "is a cutoff; a rule that is not there is off",
        "a derived cutoff may well be 0 (of ellipses, of bullets)",
    ),
    (
        "hashes and ellipses",
        "one option, max_symbol_word_ratio, for both; hashes are looked at first",
        "two metrics with a cutoff each",
        "cutoffs are derived for each metric",
    ),
    (
        "several failed rules",
        "a filter stops at the first and names that one",
        "every reason is kept, in the table's order; the first is the one counted",
        "ablations without another pass",
    ),
    (
        "stopwords",
        "English ones unless given; every language is held to them",
        "null for a language without a list: the rule does not fire",
        "English stopwords drop all of Hindi",
    ),
    (
        "the text that is measured",
        "as the steps before left it",
        "after repair of encoding and line ends (\\r\\n, \\x85, U+2028 become \\n), trailing spaces cut",
        "so \\n alone ends a line, and splitlines and split('\\n') agree",
    ),
    (
        "MinHash normalisation (utils/text.py simplify_text)",
        "NFD, then category Mn removed: viramas and vowel signs of Devanagari, Thai, Tamil and kana's voicing go, Hangul"
        " falls into jamo",
        "folded by case and canonical form, marks kept",
        "texts that differ in their vowels are not the same text",
    ),
    (
        "MinHash words",
        "punctuation becomes spaces before words are broken, by the language's tokenizer",
        "the words of the signals without punctuation tokens; in scripts without spaces, n-grams of code points",
        "one segmentation for all; a new dictionary changes no signature",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    label: str
    texts: Callable[[], list[str]]


def _wikipedia(code: str) -> Callable[[], list[str]]:
    return lambda: [record["text"] for record in _records(f"raw/wikipedia_{code}.jsonl.gz")]


def _masakha(code: str) -> Callable[[], list[str]]:
    return lambda: [record["text"] for record in _records("text/masakhanews.jsonl.gz") if record["lang"] == code]


def _news(code: str, xquad: str | None = None) -> Callable[[], list[str]]:
    return lambda: news(code, xquad)


CORPORA: tuple[Corpus, ...] = (
    Corpus("eng_Latn", english),
    *(Corpus(label, _wikipedia(code)) for label, code in (
        ("hin_Deva", "hi"), ("mar_Deva", "mr"), ("ben_Beng", "bn"), ("guj_Gujr", "gu"), ("pan_Guru", "pa"),
        ("kan_Knda", "kn"), ("mal_Mlym", "ml"), ("tam_Taml", "ta"), ("tel_Telu", "te"), ("urd_Arab", "ur"),
        ("snd_Arab", "sd"),
    )),
    *(Corpus(label, _masakha(code)) for label, code in (
        ("amh_Ethi", "amh"), ("swh_Latn", "swa"), ("yor_Latn", "yor"), ("hau_Latn", "hau"), ("som_Latn", "som"),
    )),
    *(Corpus(label, _news(code, xquad)) for label, code, xquad in (
        ("arb_Arab", "arb", "ar"), ("rus_Cyrl", "rus", "ru"), ("ell_Grek", "ell", "el"), ("deu_Latn", "deu", "de"),
        ("tur_Latn", "tur", "tr"), ("heb_Hebr", "heb", None), ("tir_Ethi", "tir", None), ("hye_Armn", "hye", None),
        ("tha_Thai", "tha", "th"), ("cmn_Hani", "zho-CN", "zh"), ("jpn_Jpan", "jpn", None), ("kor_Hang", "kor", None),
        ("lao_Laoo", "lao", None), ("mya_Mymr", "mya", None), ("bod_Tibt", "bod", None),
    )),
)  # fmt: skip


def sample(corpus: Corpus, limit: int) -> list[str]:
    """At most `limit` documents, from all over the corpus."""
    texts = corpus.texts()
    return [texts[n * len(texts) // limit] for n in range(limit)] if len(texts) > limit else texts


def own(label: str) -> Breaker | None:
    """datatrove's word breaker of the language; None where it is not installed."""
    try:
        return own_breaker(label)
    except (ImportError, LookupError, ValueError):
        return None


def _rounded(values: dict) -> dict:
    return {"/".join(key) if isinstance(key, tuple) else key: round(value, 4) for key, value in values.items()}


def _mean(found: list[Parity], field: str) -> dict:
    """By filter or rule, over all documents."""
    total = sum(parity.documents for parity in found)
    return _rounded(
        {
            key: sum(getattr(parity, field)[key] * parity.documents for parity in found) / total
            for key in getattr(found[0], field)
        }
    )


# written without spaces: agreement depends on two dictionaries there
SPACELESS = ("tha_Thai", "cmn_Hani", "jpn_Jpan", "lao_Laoo", "mya_Mymr")


def summary(found: dict[str, Parity]) -> dict:
    """The figures of one word breaker."""
    every = list(found.values())
    return {
        "languages": len(found),
        "documents": sum(parity.documents for parity in every),
        "values_unequal": sum(sum(parity.unequal.values()) for parity in every),
        "values_compared": sum(parity.documents * len(parity.unequal) for parity in every),
        "filters_at_medians": _mean(every, "filters"),
        "filters_at_medians_with_spaces": _mean([found[label] for label in found if label not in SPACELESS], "filters"),
        "filters_at_medians_spaceless": _mean([found[label] for label in found if label in SPACELESS], "filters"),
        "dropped_at_medians": _mean(every, "dropped"),
        "filters_at_defaults": _mean(every, "defaults"),
        "dropped_at_defaults": _mean(every, "defaults_dropped"),
        "rules_at_medians": _mean(every, "rules"),
        "rules_each_at_own_median": _mean(every, "own_medians"),
        "by_language": {
            label: {
                "documents": parity.documents,
                "filters_at_medians": _rounded(parity.filters),
                "filters_at_defaults": _rounded(parity.defaults),
                "rules_at_medians": round(fmean(parity.rules.values()), 4),
                "rules_each_at_own_median": round(fmean(parity.own_medians.values()), 4),
                "rules_below_97_percent": sorted(
                    "/".join(rule) for rule, share in parity.rules.items() if share < 0.97
                ),
            }
            for label, parity in found.items()
        },
    }


def main() -> None:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    start = time.process_time()
    texts = {corpus.label: sample(corpus, limit) for corpus in CORPORA}
    breakers = {label: own(label) for label in texts}
    same = {label: compare(texts[label], label, words) for label in texts}
    theirs = {label: compare(texts[label], label, each) for label, each in breakers.items() if each}
    result = {
        "benchmark": "parity",
        "documents": sum(map(len, texts.values())),
        "languages": len(texts),
        "scripts": len({label.partition("_")[2] for label in texts}),
        "filters": list(MODULES),
        "our_breaker": summary(same),
        "own_breaker": summary(theirs) | {"missing": sorted(label for label, each in breakers.items() if not each)},
        "cpu_seconds": round(time.process_time() - start, 1),
        "differences": [dict(zip(("what", "datatrove", "ours", "why"), each, strict=True)) for each in DIFFERENCES],
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
