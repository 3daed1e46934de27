"""Languages of lines and words, the index, and the parts of a text, on sentences written here."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from filters.codemix import PART_CHARACTERS, Mixture, code_mixing_index, mixtures, parts
from filters.mixed_lines import LONGEST, MOST_LINES, Run, line_languages
from filters.segment import segment
from filters.switching import best_path

HINDI = "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।"
TAMIL = "என் அண்டை வீட்டார் போன வாரம் பழைய பாலத்தைச் சரி செய்தார்கள், இப்போது குழந்தைகள் பள்ளிக்குச் செல்கிறார்கள்."
THAI = "สัปดาห์ที่แล้วเพื่อนบ้านของฉันซ่อมสะพานเก่า ตอนนี้เด็ก ๆ เดินไปโรงเรียนได้อีกครั้ง"
CHINESE = "上个星期邻居们修好了那座旧桥，现在孩子们又可以走路去上学了。大家都很高兴，晚上在广场上庆祝。"
JAPANESE = "先週、近所の人たちが古い橋を直したので、子どもたちはまた歩いて学校に通えるようになりました。"
ARABIC = "أصلح جيراني الجسر القديم في الأسبوع الماضي، والآن يستطيع الأطفال الذهاب إلى المدرسة سيرا على الأقدام."
ENGLISH = "My neighbours repaired the old bridge last week, and now the children can walk to school again."
GERMAN = (
    "Meine Nachbarn haben letzte Woche die alte Brücke repariert, und nun gehen die Kinder wieder zu Fuß zur Schule."
)
SWAHILI = "Majirani zangu walitengeneza daraja la zamani wiki iliyopita, na sasa watoto wanaweza kutembea kwenda shule."
ROMANIZED = (
    "bhartiya sanskriti mein nadi ko maa ke samaan mana jata hai aur log vishesh avsar par uski pooja karte hain"
)
SENTENCES = {
    "hin_Deva": HINDI,
    "tam_Taml": TAMIL,
    "tha_Thai": THAI,
    "cmn_Hani": CHINESE,
    "jpn_Jpan": JAPANESE,
    "arb_Arab": ARABIC,
    "eng_Latn": ENGLISH,
    "deu_Latn": GERMAN,
    "swh_Latn": SWAHILI,
    "hin_Latn": ROMANIZED,
}


def _mixture(text: str) -> Mixture:
    return mixtures(pa.array([text]))[0]


def _slow_path(evidence: np.ndarray, cost: float) -> float:
    """The best total over every path there is."""
    units, languages = evidence.shape
    return max(
        sum(evidence[at, k] for at, k in enumerate(path)) - cost * sum(a != b for a, b in itertools.pairwise(path))
        for path in itertools.product(range(languages), repeat=units)
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_best_path_is_the_best_of_all_paths(seed: int) -> None:
    random = np.random.default_rng(seed)
    evidence = np.log(random.dirichlet(np.ones(3), 6))
    cost = float(random.uniform(0, 3))
    path = best_path(evidence, cost)
    total = evidence[np.arange(6), path].sum() - cost * (np.diff(path) != 0).sum()
    assert total == pytest.approx(_slow_path(evidence, cost))


def test_paths_without_a_choice() -> None:
    assert best_path(np.empty((0, 3)), 1.0).tolist() == []
    assert best_path(np.zeros((4, 1)), 1.0).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("first", "second"), itertools.combinations(SENTENCES, 2))
def test_each_line_has_its_language(first: str, second: str) -> None:
    lines = [SENTENCES[first], SENTENCES[first], "", SENTENCES[second], SENTENCES[second]]
    text = "\n".join(lines)
    runs = line_languages(pa.array([text]))[0]
    assert [run.language for run in runs] == [first, first, second, second]
    assert [text[run.start : run.end] for run in runs] == [line for line in lines if line]


def test_a_short_line_goes_with_the_lines_around_it() -> None:
    text = f"{GERMAN}\nInternet\n2026\n{GERMAN}"
    assert [run.language for run in line_languages(pa.array([text]))[0]] == ["deu_Latn"] * 4


def test_a_page_without_line_ends_is_cut_at_sentences() -> None:
    text = " ".join([HINDI] * 6 + [ENGLISH] * 6)
    runs = line_languages(pa.array([text]))[0]
    assert all(run.end - run.start <= LONGEST for run in runs)
    assert runs[0].language == "hin_Deva" and runs[-1].language == "eng_Latn"
    covered = "".join(text[run.start : run.end] for run in runs)
    assert covered.replace(" ", "") == text.replace(" ", "")


def test_a_line_without_spaces_is_cut_all_the_same() -> None:
    text = "字" * 5000 + "\n" + "x" * 5000
    runs = line_languages(pa.array([text]))[0]
    assert max(run.end - run.start for run in runs) == LONGEST and runs[-1].end == len(text)


def test_of_a_page_of_a_million_lines_neighbours_are_looked_at_together() -> None:
    text = "\n".join(HINDI.split() * 2_000 + ENGLISH.split() * 2_000)
    runs = line_languages(pa.array([text]))[0]
    assert len(runs) == MOST_LINES and (runs[0].start, runs[-1].end) == (0, len(text))
    assert runs[0].language.endswith("_Deva") and runs[-1].language.endswith("_Latn")


@pytest.mark.parametrize("text", ["", "  \n ", "12 : 30\n+++", "🙂🙂", None])
def test_without_letters_there_is_nothing(text: str | None) -> None:
    assert mixtures(pa.array([text], pa.string())) == [Mixture([], [], None, [])]


def test_a_change_of_script_is_a_change_of_language() -> None:
    text = f"{HINDI} Facebook और YouTube पर meeting की तस्वीरें हैं।"
    found = _mixture(text)
    assert [text[run.start : run.end] for run in found.runs if run.language == "eng_Latn"] == [
        "Facebook",
        "YouTube",
        "meeting",
    ]
    words = len([token for token in text.split() if any(map(str.isalpha, token))])
    assert found.code_mixing_index == pytest.approx(100 * 3 / words, abs=0.5)
    assert [name for name, _ in found.languages] == ["hin_Deva", "eng_Latn"]
    assert sum(share for _, share in found.languages) == pytest.approx(1, abs=0.01)


def test_words_in_a_script_that_no_line_is_in_are_identified_together() -> None:
    text = f"{ENGLISH} The poem begins with the words {TAMIL[:40]}"
    assert {run.language for run in _mixture(text).runs} == {"eng_Latn", "tam_Taml"}
    assert {run.language for run in _mixture(f"{ENGLISH} ߞ ߟ").runs} == {"eng_Latn", "und_Nkoo"}, "nobody knows N'Ko"


def test_english_words_in_romanized_hindi() -> None:
    text = "yaar mujhe kal subah jaldi jaana hai, please remind me about the birthday party aur mummy ko bhi bata dena"
    found = _mixture(text)
    english = {word for run in found.runs if run.language == "eng_Latn" for word in text[run.start : run.end].split()}
    hindi = {word for run in found.runs if run.language == "hin_Latn" for word in text[run.start : run.end].split()}
    assert {"please", "about", "the", "birthday"} <= english and {"mujhe", "jaldi", "jaana", "dena"} <= hindi


@pytest.mark.parametrize("name", SENTENCES)
def test_text_in_one_language_is_not_mixed(name: str) -> None:
    found = _mixture("\n".join([SENTENCES[name]] * 3))
    assert found.languages[0][0] == name and (found.code_mixing_index or 0) < 10


def test_the_index_of_das_and_gamback() -> None:
    assert code_mixing_index([]) is None
    assert code_mixing_index(["hin_Deva"] * 4) == 0
    assert code_mixing_index(["hin_Deva"] * 6 + ["eng_Latn"] * 3 + ["tam_Taml"]) == pytest.approx(40)


def test_segments_may_be_shared() -> None:
    text = pa.array([f"{HINDI}\n{ENGLISH}", None, THAI])
    assert mixtures(text, segments=segment(text)) == mixtures(text)


def _parts(text: str) -> list[tuple[str, str]]:
    array = pa.array([text])
    return [tuple(part) for part in parts(array, line_languages(array))[0]]


def test_parts_gather_the_lines_of_a_language() -> None:
    text = "\n".join([ENGLISH, ENGLISH, "", HINDI, "2026", HINDI, TAMIL, TAMIL, ENGLISH])
    assert _parts(text) == [
        ("eng_Latn", "\n".join([ENGLISH, ENGLISH, ENGLISH])),
        ("hin_Deva", "\n".join([HINDI, "2026", HINDI])),
        ("tam_Taml", "\n".join([TAMIL, TAMIL])),
    ]


def test_nothing_of_a_text_is_lost_in_its_parts() -> None:
    text = f"{GERMAN}\n\n  {GERMAN}\nOK\n{SWAHILI}\n\n{SWAHILI}"
    found = _parts(text)
    assert len(found) == 2
    assert sorted("\n".join(part for _, part in found).split()) == sorted(text.split())
    assert found[1][1].endswith(f"{SWAHILI}\n\n{SWAHILI}"), "blank lines within a part stay"


def test_a_little_of_another_language_is_no_part() -> None:
    little = ENGLISH[:60]
    assert len(little.replace(" ", "")) < PART_CHARACTERS
    assert _parts("\n".join([HINDI] * 6 + [little])) == []
    assert _parts("\n".join([HINDI] * 30 + [ENGLISH, ENGLISH])) == [], "a tenth of the text at least"


def test_close_languages_that_take_turns_are_not_torn_apart() -> None:
    lines = [
        "Naboer reparerte den gamle broen i forrige uke, og nå kan barna gå til skolen igjen.",
        "Naboerne reparerede den gamle bro i sidste uge, og nu kan børnene igen gå i skole.",
    ]
    text = "\n".join(lines * 4)
    labels = [Run(*span, ("nob_Latn", "dan_Latn")[at % 2]) for at, span in enumerate(_spans(text))]
    unsure = [Run(run.start, run.end, ("nob_Latn", "swe_Latn")[at % 2]) for at, run in enumerate(labels)]
    assert parts(pa.array([text]), [unsure]) == [[]], "the second part is not in Swedish when looked at alone"


def _spans(text: str) -> list[tuple[int, int]]:
    ends = list(itertools.accumulate(len(line) + 1 for line in text.split("\n")))
    return [(end - 1 - len(line), end - 1) for line, end in zip(text.split("\n"), ends, strict=True)]


def test_texts_do_not_disturb_one_another() -> None:
    texts = ["\n".join([one, other]) for one, other in itertools.permutations(SENTENCES.values(), 2)]
    alone = [_mixture(text) for text in texts[::9]]
    assert mixtures(pa.array(texts))[::9] == alone and len(alone) == 10
    assert mixtures(pa.array([None, *texts]).slice(1))[::9] == alone, "slices"
