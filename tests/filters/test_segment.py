import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters import segment as module
from filters.characters import NO_SPACE, characters, fold
from filters.segment import CONTINUES, hash_words, segment, words
from tests.filters import reference, texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop: well-known, 3.14 or 1,000.", "Don't|stop|:|well|-|known|,|3.14|or|1,000|."),
        ("wait... no!!! --- 😂😂", "wait|...|no|!!!|---|😂|😂"),
        ("foo_bar __x__ a.b 1.a", "foo_bar|__|x|__|a|.|b|1|.|a"),
        ("क्‍या हूँ।", "क्‍या|हूँ|।"),
        ("می‌خواهم", "می‌خواهم"),
        ("བོད་ཡིག་གི།", "བོད|ཡིག|གི|།"),
        ("한국어 문장입니다", "한국어|문장입니다"),
        ("2024年に日本語をABCと", "2024|年|に|日本語|を|ABC|と"),
        ("ภาษาไทยเป็น", "ภาษา|ไทย|เป็น"),
        ("𠮷野家で𠮷野家", "𠮷|野家|で|𠮷|野家"),
        ("\u200babc\u200b\ufeff def", "abc|def"),
        ("\u0301a\u00adb\u200d", "\u0301a\u00adb\u200d"),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == (expected.split("|") if expected else [])


@pytest.mark.parametrize("text", [*texts.TEXTS.values(), *texts.EDGE_CASES])
def test_equals_reference(text: str) -> None:
    assert words(text) == reference.words(text)


def test_random_texts_equal_reference() -> None:
    for text in texts.random_texts(400, seed=1):
        assert words(text) == reference.words(text), repr(text)


def test_batches_slices_and_nulls_do_not_change_tokens() -> None:
    some = [*texts.TEXTS.values(), None, *texts.EDGE_CASES]
    alone = [words(text) if text is not None else [] for text in some]
    batch = pa.array(["before", *some, "after"]).slice(1, len(some))
    for column in (batch, batch.cast(pa.large_string()), pa.chunked_array([batch.slice(0, 5), batch.slice(5)])):
        found = segment(column)
        raw = found.data.tobytes()
        for i, expected in enumerate(alone):
            mine = found.tokens[found.first[i] : found.first[i + 1]]
            assert [raw[token["start"] : token["end"]].decode() for token in mine] == expected
        assert found.valid.tolist() == [text is not None for text in some]


def test_grows_when_tokens_outnumber_what_was_reserved() -> None:
    dense = pa.array(["a.b!" * 50] * 40)
    found = segment(dense)
    assert len(found.tokens) == 200 * 40 > module._reserve(found.offsets)
    assert np.diff(found.first).tolist() == [200] * 40


def test_hash_tells_tokens_apart_and_folds() -> None:
    hashes, found = hash_words(
        ["Été", "été", "e\u0301te\u0301", "ete", "1984", "2024", "ΟΔΟΣ", "οδος", "οδός", "가", "\u1100\u1161"]
    )
    assert len(set(hashes.tolist())) == len(hashes)
    folded = found.tolist()
    assert folded[0] == folded[1] == folded[2] != folded[3]
    assert folded[4] == folded[5] and folded[6] == folded[7] != folded[8] and folded[9] == folded[10]
    assert fold("ς") == "σ" and fold("٣") == "0"


def test_pieces_of_a_run_are_marked() -> None:
    flags = segment(pa.array(["ABCภาษาไทย ภาษาไทย"])).tokens["flags"]
    assert [bool(flag & CONTINUES) for flag in flags] == [False, False, True, False, True]
    assert len(segment(pa.array(["ภาษาไทยเป็น"]), dictionary=False).tokens) == 1


def test_quick_look_for_scripts_without_spaces_misses_none() -> None:
    points = np.flatnonzero(characters().flags & NO_SPACE)
    assert len(points) > 90_000
    for point in (*points[::50], points[0], points[-1]):
        raw = np.frombuffer(f"a {chr(point)} b".encode(), np.uint8)
        assert module._may_lack_spaces(raw, 0, len(raw)), hex(point)
    for text in ("it’s — plain…", "हिन्दी में", "😂 Привет مرحبا", "", "a"):
        raw = np.frombuffer(text.encode(), np.uint8)
        assert not module._may_lack_spaces(raw, 0, len(raw)), text


def test_bytes_that_are_not_utf8_stay_inside_the_document() -> None:
    generator = random.Random(3)
    documents = [b"ok \xff\xfe caf\xc3", b"\xe0\xb8", b"\xf0\x9f\x98", b"\xed\xa0\x80 \xf4\x90\x80\x80", b"next"]
    documents += [generator.randbytes(200) for _ in range(50)]
    hostile = pa.array(documents, pa.binary()).view(pa.string())
    found = segment(hostile)
    for i in range(len(documents)):
        mine = found.tokens[found.first[i] : found.first[i + 1]]
        assert (mine["start"] >= found.offsets[i]).all() and (mine["end"] <= found.offsets[i + 1]).all()
        assert (mine["start"] < mine["end"]).all()
    assert found.data[found.tokens["start"][found.first[4]] :][:4].tobytes() == b"next"


@pytest.mark.parametrize("unit", ["a", "ก", "日", "ー", "!", "\u0301", "a ", "\n"])
def test_one_huge_line(unit: str) -> None:
    text = unit * ((2 << 20) // len(unit.encode()))
    found = segment(pa.array([text, "end"]))
    assert found.data[found.tokens["start"][-1] :][:3].tobytes() == b"end"


@pytest.mark.shared
def test_real_text_equals_reference(shared: Path) -> None:
    records = texts.read_jsonl(shared / "text/ntrex128.jsonl.gz", 130, step=64)
    assert len({record["lang"] for record in records}) > 40
    for record in records:
        text = "\n".join(record["lines"])[:1500]
        assert words(text) == reference.words(text), record["lang"]
