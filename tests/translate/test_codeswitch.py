"""Code-switched text: what is replaced, what stays, and that seed and text decide it."""

import json

import pytest

from translate.codeswitch import Switched, code_switch, word_ranges
from translate.dictionary import Dictionary, parse
from translate.mask import protected


def _dictionary(source: str, target: str, **words: str) -> Dictionary:
    lines = [json.dumps({"head": word, "entry": f"{word}\n{text}"}) for word, text in words.items()]
    dictionary = parse(lines, source=source, target=target)
    assert not dictionary.broken
    return dictionary


HINDI = _dictionary("en", "hi", river="नदी", water="पानी, जल", house="घर", old="पुराना", time="समय", big="बड़ा")
SPANISH = _dictionary("en", "es", river="río", water="agua", house="casa", old="viejo", Monday="lunes")
TEXT = "The old house by the river has water 24 hours; see https://old.example/water or `house` for the time."


def _check(text: str, result: Switched) -> None:
    """The spans say what happened: with the sources back, and added spaces gone, the text is the old one."""
    at = last = 0
    for one in result.spans:
        assert text[one.source_start : one.source_end] == one.source
        assert result.text[one.start : one.end] == one.target
        before, after = text[last : one.source_start], result.text[at : one.start]
        assert after.strip(" ") == before.strip(" ")
        at, last = one.end, one.source_end
    assert result.text[at:].strip(" ") == text[last:].strip(" ")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
def test_share_and_provenance(share: float) -> None:
    result = code_switch(TEXT, HINDI, share=share, seed=3, language="en")
    _check(TEXT, result)
    assert result.words == 14  # without the number, the URL and the code
    assert len(result.spans) == min(5, int(share * 14 + 0.5))
    assert "https://old.example/water" in result.text and "`house`" in result.text and " 24 " in result.text


def test_seed_and_text_decide() -> None:
    one = [code_switch(TEXT, HINDI, share=0.2, seed=seed, language="eng_Latn") for seed in range(30)]
    assert one == [code_switch(TEXT, HINDI, share=0.2, seed=seed, language="en") for seed in range(30)]
    assert len({result.text for result in one}) > 5
    places = {result.spans[0].source_start for result in one}
    assert len(places) > 2
    assert code_switch(TEXT, HINDI, share=0.1, seed=1, language="en").text == (
        code_switch(TEXT, HINDI, share=0.1, seed=1, language="en").text
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("WATER, water", "AGUA, agua"),
        ("the old RIVER", "the viejo RÍO"),
        ("on Monday", "on lunes"),
        ("the river's water", "the río's agua"),
        ("by River House, where old Water lives", "by River House, where viejo Water lives"),
    ],
)
def test_case_is_kept(text: str, wanted: str) -> None:
    assert code_switch(text, SPANISH, share=1, seed=0, language="en").text == wanted


def test_capitals_of_other_scripts() -> None:
    georgian = _dictionary("en", "ka", river="მდინარე")
    assert code_switch("river RIVER", georgian, share=1, seed=0, language="en").text == "მდინარე მდინარე"
    turkish = _dictionary("en", "tr", work="iş")
    assert code_switch("work WORK", turkish, share=1, seed=0, language="en").text == "iş İŞ"
    german = _dictionary("en", "de", street="Straße")
    assert code_switch("street STREET", german, share=1, seed=0, language="en").text == "Straße STRASSE"


@pytest.mark.parametrize(
    ("language", "word", "latin", "text", "wanted"),
    [
        ("hi", "समय", "time", "मेरे पास समय नहीं है।", "मेरे पास time नहीं है।"),
        ("ta", "நேரம்", "time", "எனக்கு நேரம் இல்லை.", "எனக்கு time இல்லை."),
        ("ur", "وقت", "time", "میرے پاس وقت نہیں ہے۔", "میرے پاس time نہیں ہے۔"),
        ("am", "ጊዜ", "time", "ጊዜ የለኝም።", "time የለኝም።"),
        ("th", "แมว", "cat", "ฉันรักแมวมาก", "ฉันรัก cat มาก"),
        ("ja", "時間", "time", "今日は時間がない。", "今日は time がない。"),
        ("ru", "время", "time", "Сейчас не время.", "Сейчас не time."),
    ],
)
def test_scripts(language: str, word: str, latin: str, text: str, wanted: str) -> None:
    result = code_switch(text, _dictionary(language, "en", **{word: latin}), share=1, seed=0, language=language)
    assert result.text == wanted
    _check(text, result)


@pytest.mark.parametrize(
    "text", ["", "   ", "1234 !!! https://a.example", "\ud800 water \udfff", "water\x00water", "x" * 10]
)
def test_odd_texts(text: str) -> None:
    result = code_switch(text, HINDI, share=1, seed=0, language="en")
    _check(text, result)
    assert len(result.spans) == text.count("water")


def test_nothing_protected_is_among_the_words() -> None:
    text = "पानी 5 km दूर, see a_b.py और https://हिन्दी.example/water {name} ราคา 20 บาท\U0001f600 old"
    ranges, parts = list(word_ranges(text)), list(protected(text))
    assert [text[start:end] for start, end in ranges][:2] == ["पानी", "दूर"] and text[ranges[-1][0] :] == "old"
    assert not any(start < right and left < end for start, end in ranges for left, right in parts)


def test_one_long_line() -> None:
    text = "the old river and water " * 20_000
    result = code_switch(text, HINDI, share=0.3, seed=1, language="en")
    assert result.words == 100_000 and len(result.spans) == 30_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Name the name of your name.", "Name the नाम of your नाम."),
        ("Name five rivers and list the names.", "Name five नदी and list the नाम."),
        ("To name it, you name the river named Water.", "To name it, you name the नदी named Water."),
        ("Running water and a well-known one-name boat", "Running पानी and a well-known one-name boat"),
        ("please describe water", "please describe पानी"),
    ],
)
def test_verbs_and_compounds_stay(text: str, wanted: str) -> None:
    words = {"river": "नदी", "water": "पानी", "name": "नाम", "known": "ज्ञात", "one": "एक", "well": "कुआँ"}
    lines = [json.dumps({"head": word, "entry": f"{word} /x/ <N>\n{text}"}) for word, text in words.items()]
    verbs = {"run": "दौड़ना", "name": "नाम रखना", "describe": "वर्णन करना", "water": "सींचना"}
    lines += [json.dumps({"head": word, "entry": f"{word} /x/ <VT>\n{text}"}) for word, text in verbs.items()]
    dictionary = parse(lines, source="en", target="hi")
    assert code_switch(text, dictionary, share=1, seed=0, language="en").text == wanted


@pytest.mark.parametrize(
    ("language", "words", "text", "wanted"),
    [
        ("ar", {"story": "القصّة", "lake": "البحيرة"}, "the story of a lake", "the قصة of a بحيرة"),
        ("ar", {"bible": "الكتاب المقدّس", "gold": "البحث عن الذهب"}, "a bible or gold", "a كتاب مقدس or بحث عن الذهب"),
        ("ar", {"duty": "الالتزام", "fire": "التهاب"}, "his duty, their fire", "his التزام, their التهاب"),
        ("ar", {"today": "اليوم", "god": "الله"}, "god today", "الله اليوم"),
        ("sw", {"two": "wili", "new": "pya", "easy": "rahisi"}, "two new easy books", "mbili mpya rahisi books"),
        (
            "es",
            {"city": "ciudad", "voice": "voz", "action": "acción"},
            "cities, voices, actions",
            "ciudades, voces, acciones",
        ),
        ("es", {"country": "país", "king": "rey", "house": "casa"}, "countries, kings, house", "países, reyes, casa"),
    ],
)
def test_the_form_fits_the_sentence(language: str, words: dict[str, str], text: str, wanted: str) -> None:
    assert code_switch(text, _dictionary("en", language, **words), share=1, seed=0, language="en").text == wanted


def test_grammar_of_the_sentence_stays_and_the_article_too() -> None:
    hindi = _dictionary("en", "hi", **{"from": "से", "people": "लोग", "into": "में, अंदर"}).reversed()
    assert code_switch("लोग घर से बाहर, घर में", hindi, share=1, seed=0, language="hi").text == "people घर से बाहर, घर में"
    arabic = _dictionary("en", "ar", book="الكتاب", story="القصّة").reversed()
    text = code_switch("قرأت الكتاب وهذه قصة", arabic, share=1, seed=0, language="ar").text
    assert text == "قرأت الـ book وهذه story"


def test_explanations_are_no_words() -> None:
    dictionary = _dictionary("en", "hi", curler="घुँघराले बाल बनाने का यंत्र", water="पानी")
    assert code_switch("curler water", dictionary, share=1, seed=0, language="en").text == "curler पानी"


def test_what_can_not_be() -> None:
    with pytest.raises(ValueError, match=r"share is 1\.5; it must be between 0 and 1"):
        code_switch(TEXT, HINDI, share=1.5, seed=0, language="en")
    with pytest.raises(ValueError, match="share is nan"):
        code_switch(TEXT, HINDI, share=float("nan"), seed=0, language="en")
    with pytest.raises(ValueError, match="text in 'ta', but the dictionary is eng_Latn-hin_Deva"):
        code_switch("நீர்", HINDI, share=0.5, seed=0, language="ta")
