"""Benchmark passages are found in any script whatever the case and punctuation, and nothing shorter is."""

import gzip
import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters import contamination, units
from filters.clean import Edit
from filters.contamination import Finder, Ngrams, Passage
from filters.edits import cut, merged, tidied, with_cuts
from filters.segment import segment, words
from tests.filters import reference, texts

PASSAGES = {  # each at least 13 words long, or as many characters as make them
    "eng_Latn": "Which of the following rivers flows north through eleven countries before it reaches the sea?",
    "hin_Deva": "निम्नलिखित में से कौन सी नदी समुद्र तक पहुँचने से पहले ग्यारह देशों से होकर उत्तर की ओर बहती है?",
    "rus_Cyrl": "Какая из этих рек течёт на север через одиннадцать стран, прежде чем она впадает в тёплое море?",
    "arb_Arab": "أي من الأنهار التالية يجري نحو الشمال عبر إحدى عشرة دولة قبل أن يصل إلى البحر الكبير؟",
    "kor_Hang": "다음 중 어느 강이 바다에 이르기 전에 열한 나라를 지나 북쪽으로 아주 길게 흘러 가는가?",
    "amh_Ethi": "ከሚከተሉት ወንዞች መካከል ወደ ባሕር ከመድረሱ በፊት አሥራ አንድ አገሮችን አቋርጦ ወደ ሰሜን የሚፈስሰው ረጅሙ ወንዝ የትኛው ነው?",
    "cmn_Hani": "下列哪一条河流在到达大海之前向北流经十一个国家，并且被认为是世界上最长的河流？",
    "jpn_Jpan": "次の川のうち、海に達するまでに十一か国を通って北へ流れ、世界で最も長いとされるものはどれですか。",
    "tha_Thai": "แม่น้ำสายใดต่อไปนี้ไหลขึ้นไปทางทิศเหนือผ่านสิบเอ็ดประเทศก่อนที่จะไหลลงสู่ทะเลเมดิเตอร์เรเนียน",
    "khm_Khmr": "តើទន្លេណាមួយក្នុងចំណោមទន្លេខាងក្រោមហូរទៅទិសខាងជើងឆ្លងកាត់ប្រទេសដប់មួយមុនពេលហូរចូលសមុទ្រមេឌីទែរ៉ាណេ",
}
SPACELESS = ("cmn_Hani", "jpn_Jpan", "tha_Thai", "khm_Khmr")


def index(*passages: str, ngram: int = 13) -> Ngrams:
    return contamination.index([contamination.ngrams_of(pa.array(passages, pa.string()), ngram)], ngram)


def find(documents: list[str | None], ngrams: Ngrams) -> list[Passage | None]:
    return Finder(ngrams).find(segment(pa.array(documents, pa.string())))


def edited(text: str) -> str:
    """Other case, other punctuation, other spacing."""
    changed = "".join({"?": " !!", ",": " ;", "，": "——", "、": "…"}.get(character, character) for character in text)
    return "\u201c" + changed.upper().replace(" ", "  \n") + "\u201d"


@pytest.mark.parametrize("label", PASSAGES)
def test_a_planted_passage_is_found_however_it_is_printed(label: str) -> None:
    others = [text for other, text in texts.TEXTS.items() if other != label]
    ngrams = index(*PASSAGES.values())
    before, after = texts.TEXTS.get(label, others[0]), others[1]
    planted = f"{before}\n{edited(PASSAGES[label])}\n{after}"
    clean, dirty = find([f"{before}\n{after}", planted], ngrams)
    assert clean is None and dirty is not None
    record = list(PASSAGES).index(label)
    assert set(dirty.records) == {record}
    (span,) = dirty.spans
    covered = planted[slice(*span)]
    inner = [word for word in words(covered) if reference.is_word(word[0])]
    assert "".join(inner).lower() == "".join(w for w in words(PASSAGES[label]) if reference.is_word(w[0])).lower()


@pytest.mark.parametrize("label", PASSAGES)
def test_one_word_less_than_an_ngram_is_not_found(label: str) -> None:
    ngrams = index(PASSAGES[label])
    if label in SPACELESS:
        bare = "".join(
            c for c in PASSAGES[label] if c.isalnum() or c in "ััำ" or (ord(c) > 0x0E00 and c not in "，、。？")
        )
        size = 26 if label in ("cmn_Hani", "jpn_Jpan") else 52
        assert len(bare) >= size
        shorter, whole = bare[: size - 1], bare[:size]
    else:
        tokens = [word for word in words(PASSAGES[label]) if reference.is_word(word[0])]
        assert len(tokens) >= 13
        shorter, whole = " ".join(tokens[:12]), " ".join(tokens[:13])
    without, found = find([f"= {shorter} =", f"= {whole} ="], ngrams)
    assert without is None
    assert found is not None and found.records == Counter({0: 1})


def test_a_short_text_counts_whole_from_eight_words_on() -> None:
    seven, eight, ten = "a b c d e f g", "one two three four five six seven eight", "k l m n o p q r s t"
    ngrams = index(seven, eight, ten)
    documents = [
        f"x {seven} y",
        f"x {eight.upper()}, y",
        "one two three four five six seven nine",
        "k l m n o p q r s u",
        f"- {ten}.",
    ]
    found = find(documents, ngrams)
    assert [each and dict(each.records) for each in found] == [None, {1: 1}, None, None, {2: 1}]


def test_numbers_count_as_they_stand_and_repeated_units_are_no_evidence() -> None:
    question = "A train leaves at 7 and travels 120 km in 2 hours how fast is it going"
    other = question.replace("120", "150")
    assert find([question, other], index(question)) == [find([question], index(question))[0], None]
    assert not len(index("0 " * 40, "la la la la la oh la la la la la la la la oh la").keys)


def test_records_that_share_an_ngram_are_all_named_up_to_a_limit() -> None:
    passage = PASSAGES["eng_Latn"]
    ngrams = index(*[passage] * 20)
    (found,) = find([passage], ngrams)
    assert found is not None and set(found.records) == set(range(contamination.RECORDS_PER_NGRAM))


def test_the_kernel_is_the_definition() -> None:
    """Every window of 13 words that a set of tuples finds, in real text cut and mixed at random."""
    generator = random.Random(3)
    source = [word for text in texts.TEXTS.values() for word in text.split()][:400]
    plain = [word for word in source if all(ord(c) < 0x0E00 for c in word)]
    benchmark = [" ".join(plain[i : i + 30]) for i in range(0, 200, 50)]
    documents = []
    for _ in range(60):
        parts = [plain[a : a + generator.randrange(1, 25)] for a in (generator.randrange(len(plain)) for _ in range(6))]
        documents.append(" ".join(word for part in parts for word in part))

    def unit(token: str) -> str:
        return reference.fold_word(token) if any(map(str.isalpha, token)) else token

    def grams(text: str) -> list[tuple[str, ...]]:
        units_ = [unit(token) for token in words(text) if reference.is_word(token[0])]
        return [tuple(units_[i : i + 13]) for i in range(len(units_) - 12)]

    wanted = {gram for text in benchmark for gram in grams(text) if len(set(gram)) >= 5}
    expected = [any(gram in wanted for gram in grams(document)) for document in documents]
    found = [each is not None for each in find(documents, index(*benchmark))]
    assert found == expected and 5 < sum(expected) < 55


def test_voiced_kana_match_in_both_normal_forms() -> None:
    import unicodedata

    passage = PASSAGES["jpn_Jpan"]
    decomposed = unicodedata.normalize("NFD", passage)
    assert decomposed != passage
    (found,) = find([f"x {decomposed} y"], index(passage))
    assert found is not None and found.spans[0][0] == 2


def test_odd_texts_do_no_harm() -> None:
    odd = [None, "", " ", "゙" * 300, "\U0010ffff" * 50, "a" * 5000, "あ" + "゙" * 5000, "👩‍👩‍👧 " * 50, "\x00" * 40]
    ngrams = index(*PASSAGES.values(), *(each for each in odd if each))
    assert find([*odd, PASSAGES["tha_Thai"]], ngrams)[-1] is not None
    assert find(list(odd), index()) == [None] * len(odd)


def test_lengths_are_quarters_of_a_word() -> None:
    from filters import characters as ch

    segments = segment(pa.array(["two words 漢字 กา が ꩠ"]))
    scratch, tables = units.scratch(segments), ch.characters()
    count = units.split(segments.data, segments.tokens, tables.flags, tables.folded, tables.sequences, scratch)
    assert scratch["length"][:count].tolist() == [4, 4, 2, 2, 1, 1, 2, 0, 1]


@pytest.mark.shared
def test_unrelated_documents_are_hardly_ever_found(shared: Path) -> None:
    """Wikipedia in eleven languages and novels against maths questions, instructions and translated news."""

    def read(name: str) -> list[str]:
        with gzip.open(shared / name, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        return [v if isinstance(v, str) else "\n".join(v) for r in rows for k, v in r.items() if k in TEXT and v]

    TEXT = {"text", "question", "answer", "instruction", "input", "output", "lines", "paragraphs"}
    benchmark = [
        *read("sft/gsm8k_1500.jsonl.gz"),
        *read("text/ntrex128.jsonl.gz"),
        *read("text/xquad_contexts.jsonl.gz"),
    ]
    ngrams = index(*benchmark)
    assert len(ngrams.keys) > 1_000_000
    names = [
        f"raw/wikipedia_{name}.jsonl.gz" for name in ("bn", "gu", "hi", "kn", "ml", "mr", "pa", "sd", "ta", "te", "ur")
    ]
    documents = [
        text
        for name in (*names, "raw/hindi_pd_literature.jsonl.gz", "text/masakhanews.jsonl.gz")
        for text in read(name)
    ]
    found = [(text, each) for text, each in zip(documents, find(documents, ngrams), strict=True) if each]
    assert len(documents) > 15_000
    assert len(found) / len(documents) < 0.001, [text[slice(*each.spans[0])] for text, each in found[:20]]


# --- cuts


def test_cuts_and_edits_become_one_list_in_order_without_overlap() -> None:
    edits = [Edit(2, 6, "<A>"), Edit(10, 14, "<B>"), Edit(20, 22, "<C>")]
    assert merged(edits, [(7, 9), (12, 16)]) == [
        Edit(2, 6, "<A>"),
        Edit(7, 9, ""),
        Edit(10, 16, ""),
        Edit(20, 22, "<C>"),
    ]
    assert merged(edits, [(0, 30)]) == [Edit(0, 30, "")]
    assert merged(edits, [(5, 11)]) == [Edit(2, 14, ""), Edit(20, 22, "<C>")]
    assert merged([], [(3, 5), (5, 8)]) == [Edit(3, 5, ""), Edit(5, 8, "")]


def test_merging_never_leaves_an_overlap() -> None:
    generator = np.random.default_rng(5)
    for _ in range(300):
        points = np.unique(generator.integers(0, 60, 12))[: 2 * (len(np.unique(generator.integers(0, 60, 12))) // 4)]
        edits = [Edit(int(a), int(b), "x") for a, b in points[: len(points) // 2 * 2].reshape(-1, 2)]
        cuts = [
            (int(a), int(a) + int(n))
            for a, n in zip(generator.integers(0, 50, 3), generator.integers(1, 15, 3), strict=True)
        ]
        out = merged(edits, cuts)
        assert all(one.end <= two.start for one, two in pairwise(out))
        gone = {i for start, end in cuts for i in range(start, end)}
        assert gone <= {i for edit in out if not edit.replacement for i in range(edit.start, edit.end)}
        assert {i for e in edits for i in range(e.start, e.end)} <= {i for e in out for i in range(e.start, e.end)}


def test_rows_without_cuts_keep_their_edits() -> None:
    from filters.columns import EDITS

    edits = pa.array([[{"start": 1, "end": 2, "replacement": "p"}], None, []], EDITS)
    assert with_cuts(edits, [(), (), ()]) is edits
    out = with_cuts(edits, [[(4, 6)], (), [(0, 1)]]).to_pylist()
    assert (
        [each["start"] for each in out[0]] == [1, 4]
        and out[1] is None
        and out[2] == [{"start": 0, "end": 1, "replacement": ""}]
    )


def test_what_a_cut_leaves_over_goes_too() -> None:
    text = 'He asked: "What is the answer?" Then he left.'
    start, end = text.index("What"), text.index('?"')
    assert cut(text, tidied(text, [(start, end)])) == 'He asked: " Then he left.'
    assert cut("one two three", tidied("one two three", [(4, 7)])) == "one three"
    assert cut("one\n- two three !\nfour", tidied("one\n- two three !\nfour", [(6, 15)])) == "one\nfour"
    assert cut("two", tidied("two", [(0, 3)])) == ""
