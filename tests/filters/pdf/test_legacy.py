"""Conversion of legacy encodings, against encoders and decoders that share nothing with it."""

import shutil
import subprocess
import unicodedata

import ftfy.bad_codecs  # noqa: F401  (registers sloppy-windows-1252)
import pytest

from filters.pdf.encoding import legacy
from filters.pdf.page import Block, Box, Line, Page, Word
from tests.filters.pdf import pages_of_known_kind as known
from tests.filters.pdf.test_usable import text

# Typed by hand as the keyboard layouts say
KRUTI_DEV = {
    "esjk uke jke gS": "मेरा नाम राम है",
    "fgUnh": "हिन्दी",
    "deZ vkSj /keZ": "कर्म और धर्म",
    "fo|ky;": "विद्यालय",
    "f'k{kk dh fLFkfr": "शिक्षा की स्थिति",
    'o"kZ iwf.kZek vkfFkZd': "वर्ष पूर्णिमा आर्थिक",
    "eq[;ea=h us dgk fd iz;ksx gksA": "मुख्यमंत्री ने कहा कि प्रयोग हो।",
    "pkSFkk pkSjkgk": "चौथा चौराहा",
    "ifjfLFkfr;ksa dk nq%[k": "परिस्थितियों का दुःख",
    'Jh d`".k }kjk': "श्री कृष्ण द्वारा",
    'jk"Vªh; jktekxZ': "राष्ट्रीय राजमार्ग",
    "lM+d i<+uk Q+ld": "सड़क पढ़ना फ़सक",
}
BIJOY = {
    "Avgvi †mvbvi evsjv": "আমার সোনার বাংলা",
    "wek¦we`¨vjq": "বিশ্ববিদ্যালয়",
    "Kg© I ag©": "কর্ম ও ধর্ম",
    "¯^vaxbZv": "স্বাধীনতা",
    "evsjv‡`k": "বাংলাদেশ",
    "wk¶v I ms¯‹…wZ": "শিক্ষা ও সংস্কৃতি",
    "gš¿x eKZ…Zv w`‡”Qb|": "মন্ত্রী বকতৃতা দিচ্ছেন।",
    "ci¯úi mvnvh¨": "পরস্পর সাহায্য",
    "A_©‰bwZK Dbœqb": "অর্থনৈতিক উন্নয়ন",
}


def same(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


@pytest.mark.parametrize(("typed", "meant"), KRUTI_DEV.items())
def test_kruti_dev(typed: str, meant: str) -> None:
    assert same(legacy.convert(typed, "kruti_dev"), meant)


@pytest.mark.parametrize(("typed", "meant"), BIJOY.items())
def test_bijoy(typed: str, meant: str) -> None:
    assert same(legacy.convert(typed, "bijoy"), meant)


@pytest.mark.parametrize(("table", "label", "least"), [("kruti_dev", "hin_Deva", 0.99), ("bijoy", "ben_Beng", 0.99)])
def test_words_of_whole_articles_come_back(table: str, label: str, least: float) -> None:
    encode = {"kruti_dev": known.kruti_dev, "bijoy": known.bijoy}[table]
    script = range(0x900, 0x964) if label == "hin_Deva" else range(0x980, 0x9E6)
    words = [word for word in text(label).split() if all(ord(c) in script for c in word)]
    right = sum(same(legacy.convert(encode(word), table), word) for word in words)
    assert len(words) > 300 and right / len(words) >= least


@pytest.mark.skipif(shutil.which("iconv") is None, reason="glibc's iconv knows TSCII")
def test_tscii_is_read_as_glibc_writes_it() -> None:
    words = [word for word in text("tam_Taml").split() if all("\u0b80" <= c <= "\u0bcd" for c in word)]
    command = ["iconv", "-f", "UTF-8", "-t", "TSCII"]
    done = subprocess.run(command, input=" ".join(words).encode(), capture_output=True, check=True)
    shown = done.stdout.decode("sloppy-windows-1252")
    found = legacy.convert(shown, "tscii").split(" ")
    wrong = [pair for pair in zip(words, found, strict=True) if not same(*pair)]
    assert len(words) > 300 and len(wrong) <= len(words) / 100, wrong[:9]


@pytest.mark.parametrize(
    ("codec", "label"), [("cp1251", "rus_Cyrl"), ("koi8_r", "rus_Cyrl"), ("cp1253", "ell_Grek"), ("cp874", "tha_Thai")]
)
def test_code_pages(codec: str, label: str) -> None:
    original = text(label).encode(codec, "ignore").decode(codec)
    assert legacy.convert(known.shown_as_latin(original, codec), codec) == original


def test_bytes_as_latin_1_shows_them_are_read_too() -> None:
    assert legacy.convert("Привет, “мир”".encode("cp1251").decode("latin-1"), "cp1251") == "Привет, “мир”"


def test_font_names() -> None:
    tables = {
        "ABCDEF+KrutiDev010": "kruti_dev",
        "Kruti Dev 010 Bold": "kruti_dev",
        "DevLys010": "kruti_dev",
        "SutonnyMJ-Bold": "bijoy",
        "TangonMotaMJ": "bijoy",
        "TSCu_Paranar": "tscii",
    }
    for font, table in tables.items():
        assert legacy.table_for([font]) == table, font
    for font in ("Walkman-Chanakya-901", "Bamini", "Velthuis-dvng10", "SHREE-DEV-0714", "NOORIN09"):
        assert legacy.font_family(font) and legacy.table_for([font]) is None, font
    for font in ("TimesNewRomanPSMT", "Mangal", "SutonnyOMJ", "NotoSansDevanagari", "", "Tahoma", "MJ"):
        assert legacy.font_family(font) is None, font
    assert legacy.table_for(["Times", "Bamini", "KrutiDev010"]) == "kruti_dev"


def test_only_the_legacy_font_of_a_page_is_converted() -> None:
    box = Box(0, 0, 9, 9)
    english = "The children crossed the river on foot in the summer, when the water was low."
    hindi = "हमारे कस्बे के पास एक छोटी नदी बहती है, जिसका नाम बाहर के लोग नहीं जानते।"
    coded = known.kruti_dev(hindi)
    made = [
        Line(box, coded, "F1", words=[Word(box, coded.split()[0])]),
        Line(box, english, "F2"),
        Line(box, known.kruti_dev("नमस्ते"), "KrutiDev010"),
    ]
    legacy.convert_page(Page(0, 9, 9, [Block(box, made)]), "kruti_dev")
    assert [line.text for line in made] == [hindi, english, "नमस्ते"] and made[0].words[0].text == "हमारे"


def test_an_unknown_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="no table 'chanakya'; there are kruti_dev, bijoy"):
        legacy.convert("text", "chanakya")


@pytest.mark.parametrize("table", legacy.TABLES)
def test_any_text_is_converted_in_bounded_time(table: str) -> None:
    for hostile in ("", "\ud800", "f" * 20_000, "fZ" * 9_000, "ि्" * 9_000, "w©" * 9_000, "¦" * 9_000, "\n" * 9_000):
        assert isinstance(legacy.convert(hostile, table), str)
