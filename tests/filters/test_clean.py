"""Repair changes only what is broken; personal data is found in any script, and look-alikes stay."""

import gzip
import json
import time
from pathlib import Path

import ftfy
import pyarrow as pa
import pytest

from filters.clean import (
    EMAIL_PLACEHOLDER,
    IPV4_PLACEHOLDER,
    IPV6_PLACEHOLDER,
    PHONE_PLACEHOLDER,
    apply_edits,
    pii,
    repair,
    strings,
)
from filters.columns import EDITS

INTACT = [
    "Plain text, with “quotes”, ‘more’ – and… dots.",
    "हिन्दी में क\u200dष और क्\u200cष, ज़रूरी: क़लम ज़मीन",
    "می\u200cخواهم کتاب‌ها را بخوانم؛ «نقل قول»",
    "ｆｕｌｌｗｉｄｔｈ、全角　文字。「引用」",
    "한국어 문장입니다. 가나다",  # conjoining jamo would compose under NFC
    "Ελληνικά και «εισαγωγικά» – ναι.",
    "Вiн сказав: «так» – і пішов. Ё-моё, №5",
    "Việt Nam: Ủy ban nhân dân xã",
    "À São Paulo, o NÃO é NÃO. Öl für Ümläute, Œuvre, naïve",
    "e\u0301 and é stay two spellings",
    "ភាសាខ្មែរ\u200bមាន\u200bឃ្លា",
    "ትግርኛ፡ ቃላት፡ እንዲህ፡ ይለያሉ።",
    "ไทยไม่มีช่องว่าง ๑๒๓",
    "two\n\n\nblank lines, a\ttab,  two spaces",
    "👩‍👩‍👧 family, ❤️",
    "",
]


def fixed(text: str) -> str:
    return repair(pa.array([text])).to_pylist()[0]


def masked(text: str) -> str:
    array = pa.array([text])
    return apply_edits(array, pii(array)).to_pylist()[0]


def test_intact_text_stays() -> None:
    assert repair(pa.array(INTACT)).to_pylist() == INTACT


@pytest.mark.parametrize(
    "text",
    [
        "Dès l’été, le café fut fermé.",
        "Zażółć gęślą jaźń",
        "हिन्दी की किताब",
        "Привет, мир",
        "ภาษาไทย",
        "“quoted” – dash",
    ],
)
@pytest.mark.parametrize("codec", ["latin-1", "sloppy-windows-1252"])
def test_mojibake_is_repaired(text: str, codec: str) -> None:
    damaged = text.encode().decode(codec)
    assert fixed(f"{damaged} ok") == f"{text} ok"


def test_mojibake_in_one_line_of_another_script() -> None:
    assert fixed("पहली पंक्ति\ncafÃ© au lait\nतीसरी पंक्ति") == "पहली पंक्ति\ncafé au lait\nतीसरी पंक्ति"


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("a\x00b\x07c\x7f", "abc"),
        ("one\r\ntwo\rthree\u2028four\u2029five\x85six\x0cseven", "one\ntwo\nthree\nfour\nfive\nsix\nseven"),
        ("\ufeffम\ufeffन", "मन"),
        ("line  \t\nnext\u3000\nlast\xa0", "line\nnext\nlast"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("a\n \n\t\n \n \nb", "a\n\n\nb"),
        ("\n\na\n\n", "a"),
        ("it\x92s \x93so\x94 \x85", "it’s “so” …"),
        ("\ufffe\uffffx", "x"),
    ],
)
def test_damage_is_repaired(broken: str, whole: str) -> None:
    assert fixed(broken) == whole
    assert fixed(whole) == whole


def test_null_and_clean_rows_stay_in_place() -> None:
    text = pa.array([None, "ok", "b\x00", None, "ठीक"])
    assert repair(text).to_pylist() == [None, "ok", "b", None, "ठीक"]
    assert repair(text.slice(2)).to_pylist() == ["b", None, "ठीक"]
    assert repair(pa.array([], pa.string())).to_pylist() == []
    assert repair(pa.array([None], pa.string())).to_pylist() == [None]


def test_surrogates_are_joined_or_dropped() -> None:
    assert strings(["a\ud800b", None, "\ud83d\ude00"]).to_pylist() == ["ab", None, "😀"]


def test_invalid_utf8_inside_arrow() -> None:
    raw = pa.array([b"ok", b"lone \xed\xa0\x80 end", b"bad \xff end", None], pa.binary())
    damaged = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    assert repair(damaged).to_pylist() == ["ok", "lone  end", "bad \ufffd end", None]


def real_lines(shared: Path) -> list[str]:
    with gzip.open(shared / "text" / "ntrex128.jsonl.gz") as rows:
        documents = [json.loads(row) for number, row in enumerate(rows) if number % 12 == 0]
    return [line for document in documents for line in document["lines"]]


@pytest.mark.shared
def test_the_quick_check_misses_nothing_that_ftfy_repairs(shared: Path) -> None:
    lines = real_lines(shared)
    broken = [line.encode().decode("sloppy-windows-1252") for line in lines[::40] if not line.isascii()]
    sample = [line for line in lines[::3] if "Ã " not in line] + broken
    repaired = repair(pa.array(sample)).to_pylist()
    expected = [ftfy.fix_encoding(line) for line in sample]
    differing = [
        (a, b) for a, b in zip(repaired, expected, strict=True) if "\x85" not in a + b and a.split() != b.split()
    ]
    assert not differing
    assert sum(a != b for a, b in zip(sample, expected, strict=True)) > 100


FOUND = [
    ("Write to asha.rao+news@mail.example.co.in today.", "Write to {email} today."),
    ("邮箱test@mail.cn谢谢", "邮箱{email}谢谢"),
    ("मेल करें: kavi@patrika.in।", "मेल करें: {email}।"),
    ("<a@b.org>, 'c-d@e-f.museum'", "<{email}>, '{email}'"),
    ("from 81.2.69.142:443 and http://52.1.33.4/x", "from {ipv4}:443 and http://{ipv4}/x"),
    ("host 2a00:1450:4001:81b::200e up", "host {ipv6} up"),
    ("+91 98765 43210", "{phone}"),
    ("कॉल करें +९१ ९८७६५ ४३२१० पर", "कॉल करें {phone} पर"),
    ("फ़ोन: ९८७६५४३२१०", "फ़ोन: {phone}"),
    ("மொபைல் எண்: 98765 43210.", "மொபைல் எண்: {phone}."),
    ("هاتف: ٠١١٢٣٤٥٦٧٨", "هاتف: {phone}"),
    ("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", "{phone}"),
    ("電話番号：03-1234-5678まで", "電話番号：{phone}まで"),
    ("手机138 1234 5678。", "手机{phone}。"),
    ("전화 010-1234-5678로", "전화 {phone}로"),
    ("โทร. 02 123 4567 ครับ", "โทร. {phone} ครับ"),
    ("Тел.: +7 (495) 123-45-67, доб. 5", "Тел.: {phone}, доб. 5"),
    ("ስልክ: +251 11 123 4567", "ስልክ: {phone}"),
    ("ទូរស័ព្ទ៖ +855 23 123 456", "ទូរស័ព្ទ៖ {phone}"),
    ("Call (415) 555-2671 or 415-555-2672", "Call {phone} or {phone}"),
    ("Tel. 030 / 1234567", "Tel. {phone}"),
    ("appelez le 01 44 55 66 77.", "appelez le {phone}."),
    ("+44 (0)20 7946 0958", "{phone}"),
    ("0049 30 1234567", "{phone}"),
    ("tel:+390612345678", "tel:{phone}"),
    ("Phone no. (022) 2345 6789", "Phone no. {phone}"),
]
PLACEHOLDERS = {
    "email": EMAIL_PLACEHOLDER,
    "ipv4": IPV4_PLACEHOLDER,
    "ipv6": IPV6_PLACEHOLDER,
    "phone": PHONE_PLACEHOLDER,
}


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_found(text: str, expected: str) -> None:
    assert masked(text) == expected.format(**PLACEHOLDERS)


KEPT = [
    "on 12.05.2024, 2024-05-12 or 05/12/2024 at 12:30:45",
    "from 2010-2015 and 1998–2004; 1914-18",
    "phones in 2019-2020, mobile 12.05.2024",
    "₹1,25,00,000 or $1,234,567.89, €12.345.678,90",
    "prices: 65000-70000 and 1 000 000 000",
    "ISBN 978-3-16-148410-0, ISSN 2049-3630, ISBN 0-306-40615-2",
    "doi:10.1016/S0040-4039(01)80371-3",
    "version 1.2.3.4, v10.0.19041.1, Firefox/115.0.2.1, build 8.1.2.3",
    "2.1.3.4 Heading of a section",
    "40.712776, -74.005974 and +40.712776, -74.005974",
    "order 1234567890123, account 00123456789012345",
    "9876543210 is a bare number",
    "10.0.0.1, 192.168.1.20, 127.0.0.1, 192.0.2.7, 999.1.1.1",
    "std::vector a::b 12:34:56 ::1 fe80::1 2001:db8::5",
    "a@b, @handle, user@localhost, x@@y.com, one @ two.com",
    "π ≈ 3.14159265358979, 6.02214076e23",
    "१२-०५-२०२४ को ₹१,२५,००,००० और १९४७-१९५०",
    "๑๒/๐๕/๒๕๖๗ ราคา ๑,๒๓๔,๕๖๗ บาท",
    "٢٠١٠-٢٠١٥ و ١٢/٠٥/٢٠٢٤",
    "二〇二四年,共 12345678 人",
    "UTC+05:30, C++11 20140101, 1+1234567890=2",
    "scores 1 2 3 4 5 6 7 8 9 10 11 12",
    "4111 1111 1111 1111 and 123-45-6789",
    EMAIL_PLACEHOLDER,
    PHONE_PLACEHOLDER,
]


@pytest.mark.parametrize("text", KEPT)
def test_look_alikes_stay(text: str) -> None:
    assert masked(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    for text, _ in FOUND:
        assert masked(masked(text)) == masked(text)


def test_edits_are_code_points_in_order_and_typed() -> None:
    text = pa.array(["😀 म: a@b.org, फ़ोन +91 98765 43210", None, "nothing", "81.2.69.142"])
    edits = pii(text)
    assert edits.type == EDITS and edits.null_count == 0
    first = edits.to_pylist()[0]
    assert [text[0].as_py()[edit["start"] : edit["end"]] for edit in first] == ["a@b.org", "+91 98765 43210"]
    assert [len(row) for row in edits.to_pylist()] == [2, 0, 0, 1]
    assert apply_edits(text, edits)[1].as_py() is None
    assert apply_edits(text, pa.nulls(4, EDITS)).equals(text)


def test_apply_edits_inserts_and_deletes() -> None:
    edits = pa.array([[{"start": 0, "end": 2, "replacement": ""}, {"start": 3, "end": 3, "replacement": "+"}]], EDITS)
    assert apply_edits(pa.array(["कखगघ"]), edits).to_pylist() == ["ग+घ"]


MEGABYTE = 1 << 20
HOSTILE = [
    "a@",
    "a.",
    "@",
    "1",
    "1 ",
    "1.",
    "+1",
    "+",
    "1.1.1.1.",
    "a@a.",
    "2:",
    "tel ",
    "0-",
    "(",
    "1(",
    "00 1",
    "2001:",
    "-",
    "x@1-",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = pa.array([(unit * MEGABYTE)[:MEGABYTE]])
    start = time.process_time()
    pii(text)
    assert time.process_time() - start < 2.5  # a second on an idle core; anything quadratic takes hours


@pytest.mark.parametrize("unit", ["Ã©", "Ã ", "â€", "\x93", " ", " \n", "\r", "вi", "Ã\x83Â", "ï»¿", "\ufeff"])
def test_hostile_text_is_repaired_in_linear_time(unit: str) -> None:
    text = pa.array([(unit * MEGABYTE)[: MEGABYTE // 4]])
    start = time.process_time()
    repair(text)
    assert time.process_time() - start < 6  # ftfy's own worst case is 6 microseconds a character
