"""Natural romanization: what people type, in every script, and nothing of the source script left."""

import gzip
import json
import random
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.scripts import SCRIPT_INDEX, script_table
from translate.romanization import learned
from translate.romanization.common import common
from translate.romanization.distance import measure, nearest
from translate.romanization.learn import read, spellings
from translate.romanization.words import rules
from translate.romanize import SCHEMES, leftover, romanize


def natural(text: str, language: str) -> str:
    return romanize([text], language=language)[0]


@pytest.mark.parametrize(
    ("language", "native", "latin"),
    [
        ("hin_Deva", "संगठन", "sangathan"),
        ("hin_Deva", "धर्म मध्य समाप्त", "dharm madhya samapt"),
        ("hi", "ज्ञान", "gyan"),
        ("mar_Deva", "महाराष्ट्र", "maharashtra"),
        ("guj_Gujr", "ગુજરાત", "gujrat"),
        ("pan_Guru", "ਪੰਜਾਬੀ ਪੱਖਾ ਖ਼ਾਸ ਸਿੰਘ", "panjabi pakkha khas singh"),
        ("ben_Beng", "আমি বাংলায় গান গাই", "ami banglay gan gai"),
        ("asm_Beng", "ভাৰত", "bharot"),
        ("npi_Deva", "नेपाल", "nepal"),
        ("mai_Deva", "भारत", "bharat"),
        ("san_Deva", "धर्मक्षेत्रे कोऽपि", "dharmakshetre kopi"),
        ("ory_Orya", "ଓଡ଼ିଶା ଭାରତ", "odisha bharata"),
        ("tam_Taml", "தமிழ்நாடு வணக்கம்", "thamizhnaadu vanakkam"),
        ("tel_Telu", "తెలుగు", "telugu"),
        ("kan_Knda", "ಕನ್ನಡ ಸಂಬಂಧ", "kannada sambandha"),
        ("mal_Mlym", "അവൻ അവന\u0d4d\u200d ഞാൻ അത് മിനുക്ക്\u200c ബസ്", "avan avan njaan athu minukku bas"),
        ("sin_Sinh", "ශ්‍රී ලංකාව", "shri lankava"),
        ("urd_Arab", "پاکستان کتاب لوگ", "pakistan kitab log"),
        ("snd_Arab", "سنڌي", "sindhi"),
        ("kas_Arab", "کٲشُر", "kashur"),
        ("sat_Olck", "ᱥᱟᱱᱛᱟᱲᱤ", "santari"),
        ("mni_Mtei", "ꯃꯩꯇꯩꯂꯣꯟ", "meiteilon"),
        ("rus_Cyrl", "Москва", "Moskva"),
        ("kor_Hang", "한국어", "hangugeo"),
        ("ell_Grek", "Αθήνα", "Athena"),
        ("tha_Thai", "ประเทศไทย", "prathetthai"),
    ],
)
def test_spellings(language: str, native: str, latin: str) -> None:
    assert natural(native, language) == latin


def test_function_words_as_everybody_types_them() -> None:
    assert natural("यह देश में है", "hin") == "yah desh mein hai"
    assert natural("یہ اس کا نام ہے", "urd") == "ye is ka naam hai"
    for language in ("hin", "mar", "ben", "guj", "kan", "tel", "tam", "urd", "snd"):
        spelled = common(language)
        assert spelled and romanize(list(spelled), language=language) == list(spelled.values())
    assert common("pan") == {}


def test_long_vowels_are_doubled_where_the_language_types_them_so() -> None:
    assert natural("భాష", "tel") == "bhaasha"
    assert natural("பாடல்", "tam").startswith("paa")
    assert natural("भाषा", "hin") == "bhasha"


def test_what_is_not_of_the_script_stays() -> None:
    kept = "ABC naïve 中文 https://hi.wikipedia.org/wiki/भारत?x=१ a@b.in 1,234.5 👨‍👩‍👧 \ud800 ₹\n\t#tag"
    assert natural(kept, "hin") == kept
    assert natural(f"भारत {kept} भारत", "hin") == f"bharat {kept} bharat"


@pytest.mark.parametrize(
    ("language", "native", "latin"),
    [
        ("hin", "१२,३४५.६७।", "12,345.67."),
        ("ben", "১০৫", "105"),
        ("urd", "۱۲۳٫۵، ؟ ۔", "123.5, ? ."),
        ("arb", "١٢٣", "123"),
        ("tha", "๑๒", "12"),
        ("sat", "᱑᱒᱾", "12."),
    ],
)
def test_digits_and_stops_of_the_script_become_ascii(language: str, native: str, latin: str) -> None:
    assert natural(native, language) == latin


def test_joiners_go_with_the_word_and_nukta_may_be_apart() -> None:
    assert natural("क\u094d\u200dष", "hin") == natural("क्ष", "hin")
    assert natural("ज\u093cरा", "hin") == natural("\u095bरा", "hin")
    assert natural("যাওয\u09bcা", "ben") == natural("যাওয়া", "ben")


SCRIPTS = {
    "hin": "Deva", "mar": "Deva", "san": "Deva", "ben": "Beng", "asm": "Beng", "pan": "Guru", "guj": "Gujr", "ory": "Orya",
    "tam": "Taml", "tel": "Telu", "kan": "Knda", "mal": "Mlym", "sin": "Sinh", "urd": "Arab", "snd": "Arab", "kas": "Arab",
    "sat": "Olck", "mni_Mtei": "Mtei", "arb": "Arab", "rus": "Cyrl", "mya": "Mymr", "khm": "Khmr",
}  # fmt: skip


def _characters(script: str) -> list[str]:
    return [chr(point) for point in (script_table() == SCRIPT_INDEX[script]).nonzero()[0].tolist()]


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_character_of_the_script_alone_and_shuffled_leaves_nothing(language: str) -> None:
    characters = _characters(SCRIPTS[language])
    assert len(characters) > 40
    chance = random.Random(1)
    texts = [*characters, *("".join(chance.choices([*characters, "\u200c", "\u200d"], k=9)) for _ in range(150))]
    found = romanize(texts, language=language)
    assert [leftover(latin, language) for latin in found] == [""] * len(texts)
    of_script = set(characters)
    assert not any(of_script.intersection(latin) for latin in found)
    assert not any("\u0900" <= letter <= "\u097f" for latin in found for letter in latin)  # what rules go through
    letters = [latin for native, latin in zip(texts, found, strict=True) if unicodedata.category(native[0]) == "Lo"]
    assert sum(map(bool, letters)) > 0.8 * len(letters)  # not by dropping all


def test_leftover_sees_what_is_there() -> None:
    assert leftover("bharat भाrat १ ।", "hin") == "भा१।"
    assert leftover("भारत", "tam") == ""
    assert leftover("http://x.in/भा", "hin") == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"language": "hin", "scheme": "iso15919"}, "no scheme 'iso15919'; there are natural, iso, iast"),
        ({"language": "nonsense"}, "no language 'nonsense'; there are asm, ben, guj, hin"),
        ({"language": ""}, "no language ''"),
        ({"language": "eng_Latn"}, "'eng_Latn' is written in Latin letters"),
        ({"language": "urd", "scheme": "iso"}, "scheme 'iso' is for Deva, Beng, .*; urd_Arab can only be 'natural'"),
        ({"language": "sat_Olck", "scheme": "itrans"}, "sat_Olck can only be 'natural'"),
    ],
)
def test_what_is_unknown_is_named_with_what_is_known(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        romanize(["x"], **arguments)


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        st.characters(min_codepoint=0x900, max_codepoint=0xDFF) | st.sampled_from("a १।\u200d\ud800\n"), max_size=60
    ),
    st.sampled_from(["hin", "ben", "pan", "tam", "mal", "sin", "tel"]),
    st.sampled_from(SCHEMES),
)
def test_any_text_in_any_scheme(text: str, language: str, scheme: str) -> None:
    (found,) = romanize([text], language=language, scheme=scheme)
    assert leftover(found, language) == ""
    assert found.count("\n") == text.count("\n")


def test_one_word_without_end_takes_linear_time() -> None:
    for text, language in (
        ("क" * 300_000, "hin"),
        ("क्" * 150_000, "hin"),
        ("ب" * 300_000, "urd"),
        ("\u200d" * 300_000, "hin"),
    ):
        start = time.process_time()
        found = natural(text, language)
        assert time.process_time() - start < 5
        assert leftover(found, language) == ""


def test_the_answers_do_not_depend_on_the_batch() -> None:
    texts = ["भारत एक देश है", "", "देश भारत", "abc", "नमस्ते १२"]
    assert romanize(texts, language="hin") == [natural(text, "hin") for text in texts]
    assert romanize([], language="hin") == []


def test_the_learned_file_says_where_it_comes_from() -> None:
    import numpy as np

    with np.load(learned.FILE, allow_pickle=False) as stored:
        assert "CC BY-SA 4.0" in str(stored["about"]) and "Dakshina" in str(stored["about"])
    assert learned.FILE.stat().st_size < 1_000_000
    assert learned.languages() >= {"hin", "ben", "tam", "urd"}
    for language in learned.languages():
        assert max(map(len, learned.load(language).spellings)) <= 3  # pieces of words, no words


def test_edits_to_the_nearest() -> None:
    assert nearest("bharat", ["bhaarat", "barat"]) == (1, 7)
    assert measure({"x": "ab", "y": "cd"}, {"x": {"ab": 1}, "y": {"cde": 2, "c": 1}}) == (0.5, 0.2)


@pytest.mark.shared
def test_words_never_seen_agree_with_people(shared: Path) -> None:
    """The floor of each language is a little under what `tests.benchmarks.romanize` prints."""
    floors = {
        "bn": 0.77,
        "gu": 0.86,
        "hi": 0.74,
        "kn": 0.91,
        "mr": 0.82,
        "sd": 0.49,
        "si": 0.92,
        "ta": 0.84,
        "te": 0.78,
        "ur": 0.60,
    }
    lexicons = read(shared / "romanized" / "dakshina_lexicons.jsonl.gz", "dev")
    assert set(lexicons) == set(floors)
    for name, attested in lexicons.items():
        words = sorted(attested)
        found = measure(dict(zip(words, romanize(words, language=name), strict=True)), attested)
        assert found.exact >= floors[name], name
        assert found.error < 0.13, name


@pytest.mark.shared
def test_the_learned_speller_beats_the_rules_on_words_never_seen(shared: Path) -> None:
    lexicons = read(shared / "romanized" / "dakshina_lexicons.jsonl.gz", "dev")
    for name, language, script in (("bn", "ben", "Beng"), ("ta", "tam", "Taml"), ("ur", "urd", "Arab")):
        by_rule = rules(language, script)
        without = measure(spellings(lexicons[name], by_rule, None), lexicons[name])
        with_model = measure(spellings(lexicons[name], by_rule, learned.load(language)), lexicons[name])
        assert with_model.exact > without.exact and with_model.error < without.error


@pytest.mark.shared
@pytest.mark.parametrize("name", ["hi", "bn", "gu", "kn", "ml", "mr", "pa", "sd", "ta", "te", "ur"])
def test_real_pages_are_latin_afterwards(shared: Path, name: str) -> None:
    with gzip.open(shared / "raw" / f"wikipedia_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(60), strict=False)]
    found = romanize(texts, language=name)
    assert [leftover(text, name) for text in found] == [""] * len(texts)
    letters = [letter for text in found for letter in text if letter.isalpha()]
    assert len(letters) > 10_000
    assert sum(letter.isascii() for letter in letters) > 0.995 * len(letters)
