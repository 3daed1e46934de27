"""Checks of translations, by reason; lengths learned in parts; human translations and damaged ones."""

import gzip
import json
import random
import time
from itertools import islice
from pathlib import Path

import pytest

from translate.checks import values
from translate.checks.check import CUTOFFS, REASONS, Cutoff, Problem, check, measure
from translate.checks.lengths import ENOUGH, LengthCounts, LengthLimits, log_ratio
from translate.checks.measures import Batch
from translate.engine import Answer

NAMES = {"eng": "eng_Latn", "hin": "hin_Deva", "deu": "deu_Latn", "cmn": "cmn_Hani", "jpn": "jpn_Jpan", "spa": "es"}
RAIN = "The rain that fell for three days has flooded many houses in the village."
RAIN_HINDI = "तीन दिन तक हुई बारिश से गाँव के कई घरों में पानी भर गया है।"
RAIN_GERMAN = "Der Regen, der drei Tage lang fiel, hat viele Häuser im Dorf überflutet."


def _problem(source: str, answer: str, target: str = "hin_Deva", finish: str = "stop") -> Problem | None:
    answers = [Answer(answer, finish)]  # type: ignore[arg-type]
    return check([source], answers, source_language="eng_Latn", target_language=target, limits=LengthLimits())[0]


def _reason(*case: str) -> str | None:
    problem = _problem(*case)
    return problem and problem.reason


@pytest.mark.parametrize(
    ("source", "answer", "target"),
    [
        (RAIN, RAIN_HINDI, "hin_Deva"),
        (RAIN, RAIN_GERMAN, "deu_Latn"),
        (RAIN, "下了三天的雨淹没了村里的许多房屋。", "zh"),
        (RAIN, "3日間降り続いた雨で、村の多くの家が浸水しました。", "jpn_Jpan"),
        ("Yes", "はい", "jpn_Jpan"),
        ("OK", "OK", "deu_Latn"),
        ("Microsoft Windows Server", "Microsoft Windows Server", "hin_Deva"),  # a name
        ("Install iPhone apps from Apple", "Apple से iPhone ऐप इंस्टॉल करें", "hin_Deva"),
        ("Open <1>settings</1> at <2>.", "<2> पर <1>सेटिंग</1> खोलें।", "hin_Deva"),
        ("Sorry, I can't come today.", "क्षमा करें, मैं आज नहीं आ सकता।", "hin_Deva"),
        ("I'm sorry, I can't come to the party.", "Lo siento, no puedo ir a la fiesta.", "spa_Latn"),
        ("Translation is an art: it asks for patience.", "Übersetzung ist eine Kunst: Sie verlangt Geduld.", "deu_Latn"),
        ("Note: the shop is closed.", "Hinweis (Note: ): Der Laden ist geschlossen.", "deu_Latn"),
        ("It costs 1,500.50 in 2019.", "यह २०१९ में १,५००.५० का है।", "hin_Deva"),
        ("We had 1.5 million visitors.", "हमारे यहाँ 15 लाख लोग आए।", "hin_Deva"),
        ("The bus leaves at 5.30pm today.", "Der Bus fährt heute um 17:30 Uhr ab.", "deu_Latn"),
        ("He was born in the 1930s, on 29 May.", "Nació en los años 30, el 29 de mayo.", "spa_Latn"),
        ("Officers described it.", "Maafisa walielezea tukio hilo.", "swh_Latn"),
        ("Two dogs barked all night long.", "2 Hunde bellten die ganze Nacht.", "deu_Latn"),
        ("No, no, no, no, no, no, no, no, no, no, no!", "नहीं, नहीं, नहीं, नहीं, नहीं, नहीं, नहीं, नहीं, नहीं, नहीं!", "hin_Deva"),
    ],
)  # fmt: skip
def test_good_translations_have_no_problem(source: str, answer: str, target: str) -> None:
    assert _problem(source, answer, target) is None


@pytest.mark.parametrize(
    ("reason", "source", "answer", "target"),
    [
        ("empty", RAIN, " \u200b। ", "hin_Deva"),
        ("empty", "Open <1>.", "<1>", "hin_Deva"),
        ("placeholders", "Open <1>.", "खोलें।", "hin_Deva"),
        ("placeholders", "Open <1>.", "<1> <1> खोलें।", "hin_Deva"),
        ("placeholders", "Open it.", "<1> खोलें।", "hin_Deva"),
        ("placeholders", "A <1>b <2>c</2></1>", "क <1>ख <2>ग</1></2>", "hin_Deva"),
        ("line_breaks", RAIN, f"{RAIN_HINDI}\n\n{RAIN_HINDI}", "hin_Deva"),
        ("markup_added", RAIN, f"**{RAIN_HINDI}**", "hin_Deva"),
        ("refusal", RAIN, "I'm sorry, but I cannot help with that.", "hin_Deva"),
        ("refusal", RAIN, "क्षमा करें, मैं इसमें सहायता नहीं कर सकता।", "hin_Deva"),
        ("refusal", RAIN, "Als KI-Modell habe ich dazu keine Meinung.", "deu_Latn"),
        ("refusal", RAIN, "作为一个AI语言模型，这个我做不到。", "zh"),
        ("preamble", RAIN, f"Here is the Hindi translation: {RAIN_HINDI}", "hin_Deva"),
        ("preamble", RAIN, f"अनुवाद: {RAIN_HINDI}", "hin_Deva"),
        ("preamble", RAIN, "以下是翻译结果：下了三天的雨淹没了村里的许多房屋。", "zh"),
        ("preamble", RAIN, f"{RAIN_GERMAN} (Note: I kept the tense.)", "deu_Latn"),
        ("copied", RAIN, RAIN.upper(), "hin_Deva"),
        ("copied", RAIN, RAIN, "deu_Latn"),
        ("partly_copied", RAIN, f"The rain that fell for three days, überflutete {RAIN_GERMAN[37:]}", "deu_Latn"),
        ("urls_changed", "See https://a.example/x for more.", "अधिक के लिए https://a.example/y देखें।", "hin_Deva"),
        ("numbers_changed", "There are 37 houses here.", "यहाँ ३८ घर हैं।", "hin_Deva"),
        ("length_ratio", RAIN, RAIN_HINDI * 5, "hin_Deva"),
        ("length_ratio", RAIN, "घर।", "hin_Deva"),
        ("unfinished", RAIN, RAIN_GERMAN[:30], "deu_Latn"),
        ("loop", RAIN, f"{RAIN_HINDI[:20]} {'पानी भर ' * 9}।", "hin_Deva"),
        ("wrong_script", RAIN, "teen din tak hui baarish se gaanv ke kai gharon mein paani bhar gaya hai.", "hin_Deva"),
        ("wrong_language", RAIN, "下了三天的雨淹没了村里的许多房屋，农民们说今年的收成完了，孩子们也不能上学。", "kor"),
        ("wrong_language", RAIN, "La lluvia que cayó durante tres días inundó muchas casas del pueblo.", "deu_Latn"),
        ("wrong_language", RAIN, "Дождь, который шёл три дня, затопил многие дома в нашей деревне.", "bul_Cyrl"),
    ],
)  # fmt: skip
def test_reasons(reason: str, source: str, answer: str, target: str) -> None:
    assert _reason(source, answer, target) == reason


def test_an_answer_that_the_limit_cut_off() -> None:
    assert _reason(RAIN, RAIN_HINDI, "hin_Deva", "length") == "stopped_by_length"


def test_a_problem_says_what_was_seen() -> None:
    assert _problem("Open <1>.", "खोलें।") == Problem("placeholders", 1.0, "dropped <1>")
    problem = _problem(RAIN, "La lluvia que cayó durante tres días inundó muchas casas del pueblo.", "deu_Latn")
    assert problem and problem.detail == "spa_Latn" and problem.score > 0.98
    numbers = _problem("There are 37 houses here.", "यहाँ ३८ घर हैं।")
    assert numbers and numbers.detail == "37 became 38"


def test_one_problem_an_answer_in_their_order() -> None:
    answers = [Answer(RAIN_HINDI, "stop"), Answer("", "length"), Answer(RAIN, "stop"), Answer(RAIN_HINDI, "length")]
    names = {"source_language": "en", "target_language": "hi"}
    found = check([RAIN] * 4, answers, limits=LengthLimits(), **names)
    assert [problem and problem.reason for problem in found] == [None, "empty", "copied", "stopped_by_length"]
    assert check([], [], limits=LengthLimits(), **names) == []
    with pytest.raises(ValueError, match="1 answers to 2 sources"):
        check([RAIN] * 2, answers[:1], limits=LengthLimits(), **names)


def test_a_neighbour_that_looks_the_same_is_no_other_language() -> None:
    text = "Kiša koja je padala tri dana poplavila je mnoge kuće u selu, kažu mještani."
    assert _reason(RAIN, text, "hrv_Latn") is None and _reason(RAIN, text, "bos_Latn") is None


def test_a_language_that_the_model_does_not_know() -> None:
    """Only text in the source's language is wrong for sure."""
    assert _reason(RAIN, RAIN_GERMAN, "qaa_Latn") is None
    english = "It has been raining for days and the water stands high in most of our homes."
    assert _reason(RAIN, english, "qaa_Latn") == "wrong_language"


def test_cutoffs_are_data() -> None:
    assert set(CUTOFFS) == set(REASONS)
    assert Cutoff("from", 2).cuts(2) and not Cutoff("from", 2).cuts(1.9)
    assert Cutoff("to", 2).cuts(2) and not Cutoff("to", 2).cuts(2.1)
    batch = Batch([RAIN], [Answer(f"{RAIN_HINDI} iPhone", "stop")], "eng_Latn", "hin_Deva", LengthLimits())
    share = measure("wrong_script", batch)[0][0]
    assert 0.05 < share < 0.3
    names = {"source_language": "en", "target_language": "hi", "limits": LengthLimits()}
    strict = check(batch.sources, batch.answers, cutoffs={"wrong_script": Cutoff("from", share)}, **names)
    assert strict[0] and strict[0].reason == "wrong_script"
    assert check([RAIN], [Answer("", "stop")], cutoffs={}, **names) == [None]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("१२,३४,५६७ और ३५%", {"1234567": 1, "35": 1}),
        ("١٢٣٫٤ و ۵۰", {"1234": 1, "5": 1}),
        ("<12> COVID-19 www.a.example/77", {"19": 1}),
        ("no digits", {}),
        ("0 and 0.0", {"0": 2}),
        ("29.9.2018 is 2018.09.29", {"29": 2, "9": 2, "2018": 2}),
        ("1.234.567,8 and 11-18", {"12345678": 1, "11": 1, "18": 1}),
    ],
)
def test_numbers(text: str, wanted: dict[str, int]) -> None:
    assert values.numbers(text) == wanted


def _pairs(count: int, factor: float) -> tuple[list[str], list[str]]:
    dice = random.Random(7)
    lengths = [dice.randrange(40, 200) for _ in range(count)]
    return ["x" * each for each in lengths], ["य" * round(each * factor * dice.uniform(0.9, 1.1)) for each in lengths]


def test_lengths_are_learned_by_pair() -> None:
    counts = LengthCounts()
    counts.add(("en", "hi"), *_pairs(ENOUGH, 2.0))
    counts.add(("en", "ta"), *_pairs(ENOUGH - 1, 2.0))
    limits = LengthLimits.fit(counts)
    hindi, tamil = limits.of(("eng_Latn", "hin_Deva")), limits.of(("eng_Latn", "tam_Taml"))
    assert hindi.sample == ENOUGH and 0.7 < hindi.median < 1.05 and hindi.high - hindi.low < 0.8
    assert tamil.sample == 0 and tamil.median == 0  # too few: the wide ones
    sources, answers = ["x" * 100] * 3, [Answer("य" * each, "stop") for each in (200, 110, 330)]
    found = check(
        sources, answers, source_language="en", target_language="hi", limits=limits,
        cutoffs={"length_ratio": CUTOFFS["length_ratio"]},
    )  # fmt: skip
    assert [problem and problem.reason for problem in found] == [None, "length_ratio", "length_ratio"]
    assert found[1] and found[1].detail == "1.09 of the source, usual 1.87"


def test_counts_of_parts_add_up() -> None:
    sources, answers = _pairs(1000, 1.3)
    whole, parts = LengthCounts(), [LengthCounts() for _ in range(3)]
    whole.add(("en", "hi"), sources, answers)
    for at, part in enumerate(parts):
        part.add(("en", "hi"), sources[at::3], answers[at::3])
    rows = [row for part in reversed(parts) for row in part.rows()]
    assert LengthCounts.merged(rows) == whole and LengthLimits.fit(LengthCounts.merged(rows)) == LengthLimits.fit(whole)
    assert len(list(whole.rows())) < 20  # a histogram, not the texts


def test_a_placeholder_is_one_character_long() -> None:
    assert log_ratio("<1> abc", "< 1 > abc") == 0
    assert log_ratio("", "") == 0


HOSTILE = [
    "", "\ud800", "\u202eabc\u202c", "a" * 1_000_000, "7 " * 200_000, "<1>" * 50_000, "<" * 300_000, "9" * 300_000, "\0",
    "अ\u200d" * 100_000, "(" * 200_000, "http://" * 50_000, "Sure, " * 50_000, "note " * 50_000, "1." * 100_000, "　" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("source", [RAIN, "7 " * 50_000, "x" * 100_000])
def test_hostile_text_takes_no_time(source: str) -> None:
    started = time.process_time()
    answers = [Answer(text, "stop") for text in HOSTILE]
    batch = Batch([source] * len(HOSTILE), answers, "eng_Latn", "hin_Deva", LengthLimits())
    for reason in REASONS:
        assert len(measure(reason, batch)) == len(HOSTILE), reason
    assert time.process_time() - started < 20
    names = {"source_language": "??", "target_language": ""}
    assert len(check([source] * len(HOSTILE), answers, limits=LengthLimits(), **names)) == len(HOSTILE)


def _lines(shared: Path, *languages: str) -> list[list[str]]:
    found: dict[str, list[str]] = {language: [] for language in languages}
    with gzip.open(shared / "text" / "ntrex128.jsonl.gz", "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            if row["lang"] in found:
                found[row["lang"]] += row["lines"]
    return [list(islice(each, 400)) for each in found.values()]


@pytest.mark.shared
@pytest.mark.parametrize("target", ["deu", "hin", "tam", "arb", "urd", "jpn", "kor", "tir", "ell", "tel"])
def test_human_translations_and_those_of_other_lines(shared: Path, target: str) -> None:
    sources, human, polish = _lines(shared, "eng", target, "pol")
    counts = LengthCounts()
    counts.add(("eng", target), sources, human)

    def problems(texts: list[str]) -> int:
        answers = [Answer(text, "stop") for text in texts]
        names = {"source_language": "eng", "target_language": target}
        return sum(map(bool, check(sources, answers, limits=LengthLimits.fit(counts), **names)))

    assert problems(human) <= 10  # of 400
    assert problems(polish) >= 380
    assert problems(sources) >= 390
    assert problems([text[: len(text) // 3] for text in human]) >= 360
    assert problems([text + text[-10:] * 12 for text in human]) >= 388
