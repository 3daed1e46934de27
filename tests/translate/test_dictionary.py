"""FreeDict entries, what is wrong with some lines, and looking words up."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from translate.dictionary import MOST_TRANSLATIONS, choose, parse
from translate.entries import LONGEST_LINE


def _line(head: object, entry: object) -> str:
    return json.dumps({"head": head, "entry": entry}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("target", "entry", "word", "wanted"),
    [
        (
            "hi",
            'river /rˈɪvə/ <N>\n1. नदी, दरिया\n      "The river is wide."\n2. धारा',
            "river",
            ("नदी", "दरिया", "धारा"),
        ),
        ("hi", "river <V>\n1. पार~करना[होना]{नदी~को}", "river", ("पार करना",)),
        (
            "hi",
            "ace\n1. इक्का{ताश का)\n2. {खेल में)सर्विस\n3. मुद्रा(पुरानी, सोने की\n4. तीर)",
            "ace",
            ("इक्का", "सर्विस", "मुद्रा", "तीर"),
        ),
        ("sw", "river /rɪv/ <n>\n\nmto", "river", ("mto",)),
        ("sw", "river /rɪv/ <n> (pl: {rivers})\n\n1.\n mto\n2.\n kijito\n; bonde", "river", ("mto", "kijito", "bonde")),
        ("sw", "rivers <n>\n\n Plural of {river}: mito, vijito", "rivers", ("mito", "vijito")),
        (
            "id",
            "river //r// <n>\nsungai, kali 2.\nlarge stream of water\n 3.\nanything like it",
            "river",
            ("sungai", "kali"),
        ),
        ("id", "river //r//\n1. sungai\na large stream\n2. kali\n(US) a stream", "river", ("sungai", "kali")),
        (
            "ar",
            "Self-defining /sˈɛlf/\nتعريف الذات، التعريف الذاتي",
            "Self-defining",
            ("تعريف الذات", "التعريف الذاتي"),
        ),
        ("ru", "River /r/\n1. река 2. поток", "River", ("река", "поток")),
    ],
)
def test_senses_without_examples_remarks_and_definitions(
    target: str, entry: str, word: str, wanted: tuple[str, ...]
) -> None:
    head = word.lower().replace("-", "")
    dictionary = parse([_line(head, entry)], source="en", target=target)
    assert dict(dictionary.words) == {word: wanted}
    assert not dictionary.broken


def test_broken_lines_are_counted_by_reason_and_the_others_read() -> None:
    lines = [
        _line("water", "water\n1. पानी"),
        "",
        "{not json",
        '{"head": "x"' + "[" * 100_000,
        "[" * 60_000,
        '["a list"]',
        "null",
        _line("tree", None),
        _line("tree", "   "),
        _line(7, "tree\nपेड़"),
        _line("???", "???? <V>\nपेड़"),
        _line("tree", "tree <N>\n1. ?"),
        _line("tree", "tree"),
        _line("tree", "tree <N>\n1. In the party only a few were known."),
        _line("tree", "tree\n" + "क" * LONGEST_LINE),
        _line("moon", "moon\n1. " + "च" * 500),
        _line("moon", "moon\n1. चाँद\ud800"),
    ]
    dictionary = parse(lines, source="eng", target="hin")
    assert dict(dictionary.words) == {"water": ("पानी",), "moon": ("चाँद",)}
    assert dictionary.broken == Counter(
        {"not_json": 2, "too_long": 2, "no_entry": 4, "no_head": 2, "no_translation": 3, "wrong_script": 1}
    )


def test_a_dictionary_of_nothing() -> None:
    dictionary = parse([], source="eng", target="hin")
    assert dictionary.lookup("water") == () and dictionary.lookup("") == () and not dictionary.broken


def test_entries_of_one_word_are_joined_and_bounded() -> None:
    lines = [_line("a", "go\n" + ", ".join(f"सं{chr(0x915 + i)}" for i in range(30)))] * 2
    more = _line("go", "go\n" + ", ".join(f"अ{chr(0x915 + i)}" for i in range(30)))
    dictionary = parse([_line("go", "go\nजाना"), *lines, more], source="eng", target="hin")
    assert dictionary.words["go"][0] == "जाना" and len(dictionary.words["go"]) <= MOST_TRANSLATIONS
    assert dictionary.lookup("go")[1].startswith("अ")  # the head `a` is another word than its entry's


WORDS = [
    _line("polish", "Polish\nपोलिश"),
    _line("polish", "polish\nचमकाना"),
    _line("city", "city\nशहर"),
    _line("run", "run\nदौड़ना"),
    _line("bake", "bake\nसेंकना"),
    _line("class", "class\nकक्षा"),
]


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("Polish", "पोलिश"),
        ("polish", "चमकाना"),
        ("POLISH", "पोलिश"),
        ("City", "शहर"),
        ("cities", "शहर"),
        ("CITY'S", "शहर"),
        ("running", "दौड़ना"),
        ("baked", "सेंकना"),
        ("baking", "सेंकना"),
        ("classes", "कक्षा"),
        ("clas", None),
        ("citizen", None),
    ],
)
def test_case_and_endings(word: str, wanted: str | None) -> None:
    found = parse(WORDS, source="eng", target="hin").lookup(word)
    assert found[:1] == ((wanted,) if wanted else ())


def test_backwards_the_nearest_word_comes_first() -> None:
    lines = [
        _line("juncture", "juncture\nसमय"),
        _line("time", "time\nसमय, वक्त"),
        _line("hour", "hour\nघंटा, समय"),
    ]
    dictionary = parse(lines, source="eng", target="hin").reversed()
    assert (dictionary.source, dictionary.target) == ("hin_Deva", "eng_Latn")
    assert dictionary.lookup("समय") == ("time", "juncture", "hour")
    assert dictionary.lookup("घंटे") == ("hour",)


def test_an_unknown_pair_names_the_known() -> None:
    one = parse(WORDS, source="eng", target="hin")
    assert choose([one], "en", "hi") is one
    assert choose([one], "hi", "en").lookup("शहर") == ("city",)
    with pytest.raises(ValueError, match=r"no dictionary eng_Latn-tam_Taml; there are eng_Latn-hin_Deva"):
        choose([one], "en", "ta")
    with pytest.raises(ValueError, match="there are none"):
        choose([], "en", "ta")
    with pytest.raises(ValueError, match="no language 'klingon!'"):
        parse([], source="en", target="klingon!")


def test_verbs_by_mark_and_by_form() -> None:
    lines = [
        _line("name", "name /x/ <VT>\n1. नाम~रखना\n2. नाम"),
        _line("name", "name <N>\nनाम"),
        _line("go", "go <irrv>\nजाना"),
    ]
    dictionary = parse(lines, source="eng", target="hin")
    assert dictionary.verbs == {("name", "नाम रखना"), ("go", "जाना")}
    nouns = dictionary.without_verbs
    assert nouns.lookup("names") == ("नाम",) and nouns.lookup("go") == () and nouns.lookup("named") == ()
    assert dictionary.lookup("named") == ("नाम रखना", "नाम")
    assert dictionary.reversed().without_verbs.lookup("जाना") == ()
    spanish = parse(
        [_line("place", "place\nlugar, colocar"), _line("give", "give\ndar parte de")], source="eng", target="spa"
    )
    assert spanish.without_verbs.words == {"place": ("lugar",)}


def test_heads_that_were_cut_off_and_spaces_that_were_lost() -> None:
    cut = [
        _line("give", "give /ɡiv/\ndar"),
        _line("give", "give /ɡivbæk/\ndevolver"),
        _line("give", "give /ɡivʌp/\ncejar"),
        _line("red", "red /red/\nrojo"),
    ]
    cut += [_line("red", "red /redkrɔs/\nCruzRoja"), _line("frying", "frying /fraiiŋpæn/\nsartén")]
    others = [_line(f"word{chr(97 + at % 26)}{chr(97 + at // 26)}", "x /wɜːd/\npalabra") for at in range(120)]
    lost = [_line("scientist", "scientist /saintist/\nhombredeciencia, sabio"), _line("man", "man\nhombre")]
    lost += [_line("science", "science\nciencia"), _line("way", "way\nLosPaísesBajos, deporte")]
    dictionary = parse([*cut, *others, *lost], source="eng", target="spa")
    assert dictionary.broken == {"cut_head": 4}
    assert [dictionary.lookup(word) for word in ("give", "red", "frying")] == [("dar",), ("rojo",), ()]
    assert dictionary.lookup("scientist") == ("sabio",)
    assert dictionary.lookup("way") == ("deporte",)
    assert not parse(cut, source="eng", target="spa").broken  # too few to see a habit in


def test_arabic_without_vowel_signs_and_article_and_heads_without_needless_capitals() -> None:
    heads = [f"Word{chr(97 + at % 26)}{chr(97 + at // 26)}" for at in range(120)]
    lines = [_line(head.lower(), f"{head}\nكلمة") for head in heads]
    lines += [_line("story", "Story\nالقصّة"), _line("fcc", "FCC\nلجنة")]
    dictionary = parse(lines, source="eng", target="ara")
    assert {"story", "FCC", "wordaa"} <= dictionary.words.keys()
    assert dictionary.reversed().lookup("القصة") == dictionary.reversed().lookup("قصة") == ("story",)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("pair", "words", "known"),
    [
        ("eng-hin", 22_000, {"water": "पानी", "book": "पुस्तक"}),
        ("eng-ara", 43_000, {"time": "الوقت"}),
        ("eng-ind", 9_500, {"book": "buku", "wisdom tooth": "gigi bungsu"}),
        ("eng-rus", 1_600, {"water": "вода"}),
        ("eng-spa", 4_900, {"lion": "león"}),
        ("eng-swh", 1_300, {"water": "maji"}),
        ("swh-eng", 2_500, {"wageni": "stranger", "Novemba": "November"}),
    ],
)
def test_freedict(shared: Path, pair: str, words: int, known: dict[str, str]) -> None:
    with gzip.open(shared / "parallel" / "freedict" / f"{pair}.jsonl.gz", "rt", encoding="utf-8") as lines:
        dictionary = parse(lines, source=pair[:3], target=pair[4:])
    broken = dictionary.broken.total() - dictionary.broken["cut_head"]
    assert len(dictionary.words) > words and broken < 0.015 * words
    assert (dictionary.broken["cut_head"] > 500) == (pair == "eng-spa")
    assert {word: dictionary.lookup(word)[0] for word in known} == known
    assert not any(set("{}[]()~\n") & set(text) for texts in dictionary.words.values() for text in texts)
