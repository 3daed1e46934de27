"""Flagged words and phrases; the words listed here are mild, what is tested is where they may match."""

import random
import zipfile
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pytest

from filters.characters import fold
from filters.flagged import read_lists
from filters.segment import CONTINUES, segment
from filters.signals import measure
from tests.benchmarks.clean import clean


def flagged_tokens(text: str, entries: Collection[str], label: str) -> int:
    found = measure(pa.array([text]), pa.array([label]), flagged_words={label: tuple(entries)})
    return round(found.field("flagged_word_ratio")[0].as_py() * found.field("words")[0].as_py())


@pytest.mark.parametrize(
    "label, entries, text, tokens",
    [
        ("eng_Latn", ["ass", "hell"], "Scunthorpe's classic passage: hello, assess the shell", 0),
        ("eng_Latn", ["ass"], "An ass, an ASS and an Ass.", 3),
        ("eng_Latn", ["silly goose"], "You silly goose! Silly, goose", 2),
        ("eng_Latn", ["silly goose"], "silly\ngoose, SILLY-GOOSE, silly  goose", 7),
        ("eng_Latn", ["silly goose", "silly goose farm"], "the silly goose farm, the silly goose", 5),
        ("eng_Latn", ["pen is"], "penis; the pen is mine", 2),
        ("eng_Latn", ["penis"], "the pen is mine", 0),
        ("eng_Latn", ["g-spot"], "a G-spot, a g spot, the gspot", 5),
        ("eng_Latn", ["a b c d", "b c"], "a b c e", 2),
        ("deu_Latn", ["arsch"], "Marsch, Barsch und arschig: kein Arsch", 1),
        ("fra_Latn", ["con"], "Le conseil du consul est content, quel con\u0301, quel con", 1),
        ("rus_Cyrl", ["зад"], "задача и задание, но не зад", 1),
        ("hin_Deva", ["गधा"], "गधापन और गधाड़ी नहीं, गधा।", 1),
        ("urd_Arab", ["گدھا"], "گدھاپن نہیں، گدھا", 1),
        ("kor_Hang", ["바보"], "바보상자와 바보", 1),
        ("tha_Thai", ["ควาย"], "เขาเลี้ยงควายไว้ในนา", 1),
        ("tha_Thai", ["กา"], "การศึกษาและอากาศ", 0),  # in กา|รศึกษา, อา|กา|ศ
        ("jpn_Jpan", ["馬鹿"], "馬鹿なことを言うな", 1),
        ("jpn_Jpan", ["ばか"], "そればかりか、しばからず", 0),
        ("jpn_Jpan", ["パン"], "パンダとパンツとパン", 1),
        ("cmn_Hani", ["混蛋"], "你这个混蛋，快走开", 1),
        ("cmn_Hani", ["学生"], "大学生活很有意思", 0),  # 大学|生活
    ],
)
def test_where_an_entry_matches(label: str, entries: list[str], text: str, tokens: int) -> None:
    assert flagged_tokens(text, entries, label) == tokens


def test_an_entry_matches_however_the_dictionary_cuts_it() -> None:
    """Of several dictionary words: in the text, the cuts inside are others than in the entry alone."""
    entry, text = "หมูบ้าควาย", "วันนี้หมูบ้าควายมา"
    assert sum((segment(pa.array([entry])).tokens["flags"] & CONTINUES) > 0) >= 1
    assert flagged_tokens(text, [entry], "tha_Thai") >= 2


def plainly(text: str, entries: Collection[str]) -> int:
    """Leftmost, longest: with Python's strings, over tokens between single spaces."""
    tokens = ["".join(map(fold, token)) for token in text.split(" ")]
    wanted = [tuple("".join(map(fold, entry)).split(" ")) for entry in entries]
    found = at = 0
    while at < len(tokens):
        here = max((len(each) for each in wanted if tuple(tokens[at : at + len(each)]) == each), default=0)
        found, at = found + here, at + max(here, 1)
    return found


def test_random_phrases_equal_a_plain_search() -> None:
    chance, matched = random.Random(4), 0
    for _ in range(300):
        alphabet = ["a", "ab", "b", "ä", "ह", "है", "ΑΣ"][: chance.randint(2, 7)]
        entries = [" ".join(chance.choices(alphabet, k=chance.randint(1, 4))) for _ in range(chance.randint(1, 6))]
        text = " ".join(chance.choices(alphabet, k=chance.randint(1, 40)))
        expected = plainly(text, entries)
        matched += expected
        assert flagged_tokens(text, entries, "eng_Latn") == expected, (text, entries)
    assert matched > 1000


def test_each_language_has_its_own_list() -> None:
    found = measure(
        pa.array(["gift", "gift", "gift", None]),
        pa.array(["deu_Latn", "eng_Latn", "swe_Latn", "deu_Latn"]),
        flagged_words={"deu_Latn": ("Gift",), "eng_Latn": ("poison",)},
    )
    assert found.field("flagged_word_ratio").to_pylist() == [1.0, 0.0, None, None]


def test_time_is_bounded_on_hostile_text() -> None:
    """Every token begins the longest entry, and none finishes it."""
    entry = " ".join(["a"] * 50 + ["b"])
    assert flagged_tokens("a " * 200_000, [entry], "eng_Latn") == 0
    assert flagged_tokens("a " * 49 + "a b", [entry], "eng_Latn") == 51


def _lists(folder: Path) -> None:
    (folder / "de").write_text("dummkopf\nalter esel\n", encoding="utf-8")
    (folder / "hi").write_text("gadha\nullu ka pattha\nगधा\n", encoding="utf-8")
    (folder / "zh").write_text("混蛋\n", encoding="utf-8")
    (folder / "tam_Taml.txt").write_text("கழுதை\n\n", encoding="utf-8")
    (folder / "README.md").write_text("not a list", encoding="utf-8")
    (folder / "LICENSE").write_text("not a list either", encoding="utf-8")


def test_reading_a_folder_and_a_zip(tmp_path: Path) -> None:
    folder, archive = tmp_path / "lists", tmp_path / "lists.zip"
    folder.mkdir()
    _lists(folder)
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"inner/{path.name}")
    expected = {
        "cmn_Hani": ("混蛋",),
        "deu_Latn": ("alter esel", "dummkopf"),
        "hin_Deva": ("गधा",),
        "hin_Latn": ("gadha", "ullu ka pattha", "गधा"),
        "tam_Taml": ("கழுதை",),
    }
    assert read_lists(folder) == read_lists(archive) == expected


@pytest.mark.parametrize("content", [None, b"no zip", b""])
def test_a_list_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / ("lists.zip" if content is not None else "lists")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="lists") as caught:
        read_lists(path)
    assert "\n" not in str(caught.value)


@pytest.mark.shared
def test_real_lists_on_clean_text_and_planted(shared: Path) -> None:
    """LDNOOBW: at most one token in a thousand of clean text (some entries are everyday words), where substrings are in
    more than twice as many documents; and nearly every entry is found between two words of a sentence."""
    lists, documents, chance = read_lists(shared / "lists" / "ldnoobw.zip"), clean(shared), random.Random(1)
    ours = naive = 0
    for label in ("tha_Thai", "jpn_Jpan", "cmn_Hani", "kor_Hang", "rus_Cyrl"):
        texts = [each.text for each in documents if each.label == label]
        found = measure(pa.array(texts), pa.array([label] * len(texts)), flagged_words=lists)
        ratio, words = (found.field(name).to_numpy(zero_copy_only=False) for name in ("flagged_word_ratio", "words"))
        assert (ratio * words).sum() < words.sum() / 1000
        ours += int((ratio > 0).sum())
        naive += sum(any(entry in text for entry in lists[label]) for text in texts)
        planted = [_planted(chance.choice(texts), entry, chance) for entry in lists[label]]
        hits = measure(pa.array(planted), pa.array([label] * len(planted)), flagged_words=lists)
        assert sum(value > 0 for value in hits.field("flagged_word_ratio").to_pylist()) >= 0.9 * len(planted)
    assert 20 < naive > 2 * ours


def _planted(text: str, entry: str, chance: random.Random) -> str:
    """The entry between two words, with spaces around it where the language has them."""
    line, gap = max(text.split("\n"), key=len), " " * (text.count(" ") > len(text) / 20)
    raw, tokens = line.encode(), segment(pa.array([line])).tokens
    at = int(tokens[chance.randrange(1, len(tokens))]["start"])
    return f"{raw[:at].decode()}{gap}{entry}{gap}{raw[at:].decode()}"
