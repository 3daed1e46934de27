"""Letter-for-letter schemes: the standards' own examples, and the letters that the package alone would leak."""

import pytest

from filters.scripts import SCRIPT_INDEX, script_table
from translate.romanization import schemes
from translate.romanization.brahmic import BLOCKS, devanagari
from translate.romanize import leftover, romanize


def spelled(text: str, language: str, scheme: str) -> str:
    return romanize([text], language=language, scheme=scheme)[0]


@pytest.mark.parametrize(
    ("scheme", "latin"),
    [
        ("iso", "saṁskr̥tam jñānam"),
        ("iast", "saṃskṛtam jñānam"),
        ("itrans", "saMskRRitam j~nAnam"),
        ("hk", "saMskRtam jJAnam"),
        ("slp1", "saMskftam jYAnam"),
        ("wx", "saMskqwam jFAnam"),
        ("velthuis", "sa.msk.rtam j~naanam"),
    ],
)
def test_each_scheme(scheme: str, latin: str) -> None:
    assert spelled("संस्कृतम् ज्ञानम्", "san_Deva", scheme) == latin


@pytest.mark.parametrize(
    ("language", "native", "latin"),
    [
        ("ben", "য\u09bcাদব", "ẏādaba"),  # nukta apart, as NFC leaves it
        ("ory", "ଓଡ\u0b3cିଶା", "ōṛiśā"),
        ("pan", "ਖ\u0a3cਾਸ", "k͟hāsa"),
        ("pan", "ਪੱਖਾ ਸਿੰਘ", "pakkhā siṁgha"),  # addak, tippi
        ("mal", "അവൻ പാൽ അവർ", "avan pāl avar"),  # chillu
        ("tam", "தமிழ்நாடு அவன்", "tamiḻnāṭu avaṉ"),  # no voiced aspirates
        ("hin", "ऑफ़िस कॉफ़ी", "ôfisa kôfī"),  # candra vowels
        ("hin", "क्\u200dष श्\u200cर", "kṣa śra"),  # joiners
        ("hin", "राम। १२॥", "rāma. 12."),
        ("san", "कोऽपि", "kō'pi"),
        ("sin", "ශ්\u200dරී", "śrī"),
        ("ben", "উৎসব", "utsaba"),
        ("asm", "ৰ ৱ", "ra va"),
        ("tel", "తెలుగు తేనె", "telugu tēne"),
    ],
)
def test_letters_that_the_package_alone_leaks(language: str, native: str, latin: str) -> None:
    assert spelled(native, language, "iso") == latin


@pytest.mark.parametrize("scheme", schemes.SCHEMES)
@pytest.mark.parametrize("script", BLOCKS)
def test_no_letter_of_any_script_is_left(script: str, scheme: str) -> None:
    language = {"Deva": "hin", "Beng": "ben", "Guru": "pan", "Gujr": "guj", "Orya": "ory", "Taml": "tam", "Telu": "tel",
                "Knda": "kan", "Mlym": "mal", "Sinh": "sin"}[script]  # fmt: skip
    points = (script_table() == SCRIPT_INDEX[script]).nonzero()[0].tolist()
    base = chr(BLOCKS[script] + (0x1A if script == "Sinh" else 0x15))  # ka
    texts = [each for point in points for each in (chr(point), base + chr(point), chr(point) + base)]
    found = romanize(texts, language=language, scheme=scheme)
    assert len(texts) > 200
    assert [leftover(text, language) for text in found] == [""] * len(texts)
    assert not any("\u0900" <= letter <= "\u0dff" for text in found for letter in text)


def test_latin_text_and_urls_stay() -> None:
    kept = "##OK\\x https://x.in/भारत {} |"
    assert spelled(f"{kept} राम", "hin", "itrans") == f"{kept} rAma"


def test_scripts_meet_in_devanagari() -> None:
    same = {
        "Deva": "कमल",
        "Beng": "কমল",
        "Gujr": "કમલ",
        "Guru": "ਕਮਲ",
        "Telu": "కమల",
        "Knda": "ಕಮಲ",
        "Mlym": "കമല",
        "Sinh": "කමල",
        "Taml": "கமல",
        "Orya": "କମଲ",
    }
    assert {devanagari(word, script) for script, word in same.items()} == {"कमल"}
