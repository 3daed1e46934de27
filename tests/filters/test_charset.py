"""Charset sniffing: who wins (BOM, header, <meta>, the bytes), and labels that lie."""

import pytest

from filters.charset import decode

PROSE = {
    "russian": "Утром мы вышли из дома и отправились на рынок за свежими овощами. ",
    "japanese": "けさは早く起きて、駅まで歩きました。空がとても青かったです。",
    "simplified": "今天早上我们去菜市场买了新鲜的蔬菜和水果,天气非常好。",
    "traditional": "今天早上我們去菜市場買了新鮮的蔬菜和水果,天氣非常好。",
    "korean": "오늘 아침에는 시장에 가서 싱싱한 채소와 과일을 많이 샀습니다. ",
    "thai": "เช้านี้เราไปตลาดเพื่อซื้อผักสดและผลไม้ อากาศดีมาก ",
    "arabic": "ذهبنا هذا الصباح إلى السوق لشراء الخضار الطازجة والفواكه. ",
    "greek": "Σήμερα το πρωί πήγαμε στην αγορά για φρέσκα λαχανικά. ",
    "french": "Ce matin, après le café, nous sommes allés au marché où l’été s’achève. ",
    "polish": "Dziś rano poszliśmy na targ po świeże warzywa, żeby ugotować zupę. ",
    "hindi": "आज सुबह हम ताज़ी सब्ज़ियाँ ख़रीदने बाज़ार गए। ",
    "amharic": "ዛሬ ጠዋት ትኩስ አትክልት ለመግዛት ወደ ገበያ ሄድን። ",
    "khmer": "ព្រឹកនេះយើងទៅផ្សារដើម្បីទិញបន្លែស្រស់ៗ។ ",
}
LEGACY = [
    ("russian", "windows-1251", "windows-1251"),
    ("russian", "koi8-r", "KOI8-R"),
    ("russian", "iso8859-5", "ISO-8859-5"),
    ("japanese", "cp932", "Shift_JIS"),
    ("japanese", "euc_jp", "EUC-JP"),
    ("japanese", "iso2022_jp", "ISO-2022-JP"),
    ("simplified", "gbk", "gb2312"),
    ("traditional", "big5", "Big5"),
    ("korean", "cp949", "euc-kr"),
    ("thai", "cp874", "TIS-620"),
    ("arabic", "windows-1256", "windows-1256"),
    ("greek", "windows-1253", "windows-1253"),
    ("french", "windows-1252", "iso-8859-1"),
    ("polish", "iso8859-2", "iso-8859-2"),
]


def page(text: str, charset: str | None = None) -> str:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}<title>x</title></head><body><p>{text * 4}</p></body></html>"


@pytest.mark.parametrize(("name", "codec", "label"), LEGACY)
def test_the_header_and_the_meta_label_are_believed(name: str, codec: str, label: str) -> None:
    plain = page(PROSE[name])
    assert decode(plain.encode(codec), f"text/html; charset={label}") == plain
    labelled = page(PROSE[name], label)
    assert decode(labelled.encode(codec), "text/html") == labelled


@pytest.mark.parametrize(("name", "codec", "label"), LEGACY)
def test_utf8_under_a_legacy_label_is_utf8(name: str, codec: str, label: str) -> None:
    text = page(PROSE[name], label)
    assert decode(text.encode(), f'text/html; charset="{label}"') == text


# Left out: seven-bit encodings, and code pages that look like their commoner Windows siblings
DETECTABLE = [row for row in LEGACY if row[1] not in ("iso8859-5", "iso8859-2", "iso2022_jp")]


@pytest.mark.parametrize(("name", "codec", "label"), DETECTABLE)
def test_legacy_bytes_labelled_utf8_or_not_at_all_are_detected(name: str, codec: str, label: str) -> None:
    text = page(PROSE[name])
    body = text.encode(codec)
    assert decode(body, "text/html; charset=utf-8") == text
    assert decode(body, None) == text


@pytest.mark.parametrize("name", sorted(PROSE))
def test_unicode_encodings(name: str) -> None:
    text = page(PROSE[name])
    assert decode(text.encode()) == text
    assert decode(b"\xef\xbb\xbf" + text.encode(), "text/html; charset=windows-1252") == text
    assert decode(text.encode("utf-16"), "text/html; charset=utf-8") == text, "the BOM wins"
    assert decode(text.encode("utf-16-be")) == text
    assert decode(text.encode("utf-16-le"), "text/html; charset=utf-16") == text


def test_utf16_in_meta_means_utf8() -> None:
    text = page(PROSE["hindi"], "utf-16")
    assert decode(text.encode()) == text


def test_the_header_wins_over_meta() -> None:
    text = page(PROSE["russian"], "koi8-r")
    assert decode(text.encode("windows-1251"), "text/html; charset=windows-1251") == text


def test_meta_variants() -> None:
    body = PROSE["polish"].encode("iso8859-2")
    for head in (
        b'<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=ISO-8859-2">',
        b"<meta charset = 'latin2'/>",
        b"<!-- <meta charset=koi8-r> --><meta charset=iso-8859-2>",
        b'<?xml version="1.0" encoding="ISO-8859-2"?>',
        b"<script>" + b"x" * 3000 + b"</script><meta charset=iso-8859-2>",
        b'<meta charset="no-such-charset"><meta charset="iso-8859-2">',
    ):
        assert decode(head + body).endswith(PROSE["polish"]), head[:60]


def test_iso_8859_1_is_windows_1252_with_its_holes_filled() -> None:
    assert decode(b"\x93caf\xe9\x94 \x81", "text/html; charset=iso-8859-1") == "“café” \x81"


def test_a_few_bad_bytes_do_not_move_a_utf8_page() -> None:
    text = page(PROSE["hindi"] * 5)
    assert decode(text.encode() + b"\xe9\xa4", "text/html; charset=utf-8") == text + "\ufffd"


def test_a_wrong_double_byte_label_is_set_aside() -> None:
    text = page(PROSE["japanese"])
    assert decode(text.encode("cp932"), "text/html; charset=euc-jp") == text


def test_two_characters_do_not_prove_utf8() -> None:
    body = "建议".encode("gbk")  # C2 BD, D2 E9
    assert decode(body, "text/plain; charset=gbk") == "建议"
    both = bytes([0xC2, 0xB0, 0xC3, 0xA9])  # valid in UTF-8 and in GBK
    assert decode(both, "text/plain; charset=gbk") == both.decode("gbk")


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", b"\xff", b"\xfe\xff\xd8", b"\x00" * 5000, bytes(range(256)) * 9, b"<meta " * 9000, b"<!--" * 9000],
)
@pytest.mark.parametrize(
    "header", [None, "", "text/html; charset=", "charset=utf-7", "x" * 10_000, "text/html; charset=utf-16"]
)
def test_never_raises(body: bytes, header: str | None) -> None:
    assert isinstance(decode(body, header), str)


def test_nul_survives() -> None:
    assert decode(b"a\x00b" + b"c" * 40) == "a\x00b" + "c" * 40
