import random
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from filters import minhash
from filters.minhash import EMPTY, band_keys, exact_hash, pack, shingles, signatures
from filters.segment import segment
from tests.filters import reference, texts


def sign(documents: list[str | None], language: str = "eng_Latn", **options: int) -> np.ndarray:
    return signatures(pa.array(documents, pa.string()), pa.array([language] * len(documents)), **options)


@pytest.mark.parametrize(("permutations", "seed"), [(112, 1), (16, 7)])
def test_permutations_are_datasketch_affine32(permutations: int, seed: int) -> None:
    datasketch = pytest.importorskip("datasketch", minversion="2.0")
    for label, text in texts.TEXTS.items():
        theirs = datasketch.MinHash(num_perm=permutations, seed=seed, scheme="affine32", hashfunc=int)
        hashes = shingles(text, label, ngram=2)
        theirs.update_batch([int(each) for each in hashes])
        ours = sign([text], label, permutations=permutations, seed=seed, ngram=2)[0]
        assert len(hashes) and (ours == theirs.hashvalues).all(), label


@pytest.mark.parametrize("words", range(5, 14))
def test_every_shingle_counts_whatever_their_number(words: int) -> None:
    """Shingles are permuted four at a time: none may be left out at the end."""
    datasketch = pytest.importorskip("datasketch", minversion="2.0")
    text = " ".join(f"w{chr(97 + n)}" for n in range(words))
    theirs = datasketch.MinHash(num_perm=112, seed=1, scheme="affine32", hashfunc=int)
    theirs.update_batch([int(each) for each in shingles(text, "eng_Latn")])
    assert (sign([text])[0] == theirs.hashvalues).all()


@pytest.mark.parametrize(
    ("label", "word"), [("kor_Hang", "한글"), ("jpn_Jpan", "ばぱガ"), ("hin_Deva", "क़र्म"), ("arb_Arab", "مُمْتَاز")]
)
def test_composed_and_decomposed_words_are_one(label: str, word: str) -> None:
    """Syllables and voiced kana are compared whole, however they are encoded."""
    one, other = (shingles(f"{unicodedata.normalize(form, word)} " * 40, label, ngram=1) for form in ("NFC", "NFD"))
    assert len(one) and (one == other).all()


def reference_units(text: str, by_character: bool) -> list[str]:
    """What shingles are made of, from the definition."""
    raw, tokens = text.encode(), segment(pa.array([text]), dictionary=False).tokens
    words = [raw[token["start"] : token["end"]].decode() for token in tokens]
    folded = [reference.fold_word(word) for word in words if reference.is_word(word[0])]
    return list("".join(folded)) if by_character else folded


@pytest.mark.parametrize("label", ["eng_Latn", "hin_Deva", "tha_Thai", "jpn_Jpan", "kor_Hang", "ell_Grek", "khm_Khmr"])
def test_shingles_are_ngrams_of_folded_units(label: str) -> None:
    """Equal n-grams have equal hashes, and different ones different hashes."""
    width = minhash.CHARACTERS_PER_WORD.get(label[-4:], 0)
    text = texts.TEXTS[label] + " " + texts.TEXTS[label].upper()
    units, n = reference_units(text, width > 0), 2 * (width or 1)
    grams = [tuple(units[i : i + n]) for i in range(len(units) - n + 1)]
    hashes = shingles(text, label, ngram=2).tolist()
    assert len(hashes) == len(grams) > len(set(grams))
    assert len(set(zip(hashes, grams, strict=True))) == len(set(hashes)) == len(set(grams))


def test_documents_without_shingles_have_none() -> None:
    found = sign([None, "", "  ", "!!! ... ???", "only four words here", "five words are enough now"])
    assert (found[:5] == EMPTY).all() and not (found[5] == EMPTY).any()
    assert pack(found).is_valid().to_pylist() == [False] * 5 + [True]
    assert (sign(["น" * 19], "tha_Thai") == EMPTY).all() and (sign(["น" * 20], "tha_Thai") != EMPTY).any()


def test_case_punctuation_digits_spaces_and_composition_are_ignored() -> None:
    one = "Été 1999: the café was open, and nobody came; 12 chairs."
    same = "e\u0301te\u0301 2024 THE CAFÉ was -- open and\nnobody came 34 chairs!"
    other = "ete 1999: the cafe was open, and nobody came; 12 chairs."
    first, second, third = sign([one, same, other])
    assert (first == second).all()
    assert (first != third).any(), "marks must not be stripped"


@pytest.mark.parametrize(
    ("label", "one", "other"),
    [
        ("tha_Thai", "มา", "ม้า"),
        ("tha_Thai", "ไหม", "ไม้หม"),
        ("hin_Deva", "कम", "काम"),
        ("hin_Deva", "करम", "कर्म"),  # virama
        ("hin_Deva", "कल", "कुल"),  # u-vowel
        ("tam_Taml", "அவன", "அவன்"),  # virama
        ("jpn_Jpan", "はは", "ばば"),
        ("jpn_Jpan", "ハハ", "パパ"),
        ("kor_Hang", "가", "각"),
        ("arb_Arab", "عَلِمَ", "عُلِمَ"),
        ("arb_Arab", "علم", "عِلْم"),
    ],
)
def test_marks_make_words_differ(label: str, one: str, other: str) -> None:
    first, second = (shingles(f"{word} " * 40, label, ngram=1) for word in (one, other))
    assert len(first) and not set(first.tolist()) & set(second.tolist())


def test_dictionary_breaks_change_no_signature() -> None:
    documents = pa.array([text + " ภาษาไทย one 日本語です two three ABCภาษาไทย four" for text in texts.TEXTS.values()])
    for label in ("eng_Latn", "tha_Thai"):
        language = pa.array([label] * len(documents))
        broken, whole = segment(documents), segment(documents, dictionary=False)
        assert len(broken.tokens) > len(whole.tokens)
        one, other = (signatures(documents, language, segments=each) for each in (broken, whole))
        assert (one == other).all() and (one != EMPTY).any()


def test_estimates_jaccard_similarity() -> None:
    generator = random.Random(0)
    words = [f"w{chr(0x905 + i % 50)}{chr(0x915 + i // 50)}" for i in range(900)]
    for shared_words in (100, 400, 800):
        start = words[:shared_words]
        one, other = (start + generator.sample(words, 900 - shared_words) for _ in range(2))
        sets = [set(shingles(" ".join(each), "hin_Deva").tolist()) for each in (one, other)]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        pair = sign([" ".join(one), " ".join(other)], "hin_Deva", permutations=1024)
        assert abs((pair[0] == pair[1]).mean() - true) < 4 * np.sqrt(true * (1 - true) / 1024) + 0.01


def test_seed_and_ngram_matter() -> None:
    text = ["one two three four five six seven eight"]
    assert (sign(text) != sign(text, seed=2)).any() and (sign(text) != sign(text, ngram=4)).any()


def test_pack_keeps_low_16_bits_little_endian() -> None:
    packed = pack(np.array([[0x12345678, 1], [EMPTY, EMPTY], [EMPTY, 5]], np.uint32))
    assert packed.to_pylist() == [b"\x78\x56\x01\x00", None, b"\xff\xff\x05\x00"]


def test_band_keys() -> None:
    near = "a near duplicate text of fifteen words that has very much in common with another {}"
    packed = pack(
        sign([near.format("one"), near.format("one!"), near.format("two"), "x", "so very unlike all of these others"])
    )
    keys = band_keys(packed)
    assert keys.shape == (5, 14) and keys.dtype == np.int64
    assert (keys[0] == keys[1]).all() and not (keys[0] == keys[4]).any() and (keys[3] == 0).all()
    expected = xxhash.xxh64_intdigest(packed[0].as_py()[16:32], seed=42)
    assert int(keys[0, 1]) % (1 << 64) == expected
    with pytest.raises(ValueError, match="224 bytes is not 10 bands of 8 rows"):
        band_keys(packed, bands=10)


def test_exact_hash() -> None:
    found = exact_hash(pa.array(["skip", "A  b\nÇ", "a b ç ", "a b c", " \n", "", None])).slice(1).to_pylist()
    assert found[0] == found[1] != found[2] and found[3:] == [None, None, None]
    assert found[0] % (1 << 64) == xxhash.xxh3_64_intdigest("a b ç".encode())


@pytest.mark.parametrize("unit", ["a", "a ", "é", "ก"])
def test_one_huge_line(unit: str) -> None:
    for label in ("eng_Latn", "tha_Thai"):
        assert sign([unit * ((2 << 20) // len(unit)), "x"], label).shape == (2, 112)


@pytest.mark.shared
def test_near_duplicates_in_real_text_are_found(shared: Path) -> None:
    """A changed word leaves most band keys alone, in scripts with and without spaces; other documents share none."""
    for language, label in (("hin", "hin_Deva"), ("tha", "tha_Thai"), ("jpn", "jpn_Jpan"), ("tir", "tir_Ethi")):
        records = [
            each for each in texts.read_jsonl(shared / "text/ntrex128.jsonl.gz", 10_000) if each["lang"] == language
        ]
        documents = ["\n".join(record["lines"]) for record in records if sum(map(len, record["lines"])) > 800][:20]
        changed = [text[:400] + "XY" + text[400:] for text in documents]
        keys, others = (band_keys(pack(sign(each, label))) for each in (documents, changed))
        assert len(documents) >= 10 and ((keys == others).sum(axis=1) >= 5).all(), label
        assert len(np.unique(keys[:, 0])) == len(documents)
