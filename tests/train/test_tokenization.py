"""Which pieces may be made, where words are cut, what is learnt from, and how pieces are put in."""

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaTokenizer

from train.recipe import TrainError
from train.tokenization import admission, corpus, marks
from train.tokenization.base import BYTES, Base
from train.tokenization.extension import extended, extended_proto
from train.tokenization.pieces import merged
from train.tokenization.report import HARD, round_trips

_CHARACTERS = {byte: character for character, byte in BYTES.items()}


def shown(data: bytes) -> str:
    return "".join(_CHARACTERS[byte] for byte in data)


def test_byte_characters_are_those_of_tokenizers() -> None:
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for text in HARD.values():
        assert "".join(word for word, _ in split.pre_tokenize_str(text)) == shown(text.encode())
    assert sorted(BYTES) == sorted(pre_tokenizers.ByteLevel.alphabet()) and len(set(BYTES.values())) == 256


def test_letters_are_of_the_languages_own_scripts() -> None:
    text = "हिन्दी की किताब। पृष्ठ १२ " * 50 + "café “quoted” – Wikipedia 中 😀"
    found = admission.letters(Counter(text))
    assert set(found) == set("हिन्दीकीकिताब।पृष्ठ१२") - set("12 ")
    assert admission.letters(Counter("plain English, café")) == {"é": 1}  # where Latin is the script, it is
    assert admission.letters(Counter("plain English")) == Counter()
    assert {"।"} == set(admission.letters(Counter("বাংলা ভাষা। “বই” – " * 9))) - set("বাংলা ভাষা বই")
    assert {"。", "，"} < set(admission.letters(Counter("中文，句子。“书”…" * 9))) and "“" not in admission.letters(
        Counter("中文，句子。“书”…" * 9)
    )


@pytest.mark.parametrize(
    ("piece", "wanted"),
    [
        ("हि".encode(), True),
        (" हि".encode(), True),
        ("ह".encode()[:2], True),
        ("ह".encode()[:1], True),
        ("ह".encode()[1:], False),  # later bytes alone
        ("ह".encode()[1:] + "ि".encode()[:2], True),
        ("त".encode()[:2] + b"\xbf", True),  # a letter's start, whatever follows
        (b"the", False),
        ("é".encode(), False),
        ("’s".encode(), False),
        ("’".encode()[:2], False),
        ("தமி".encode(), False),
        ("中".encode(), False),
        ("a।".encode(), True),
    ],
)
def test_pieces_of_bytes(piece: bytes, wanted: bool) -> None:
    assert admission.in_bytes("हिन्दीत।")(shown(piece)) is wanted


def test_pieces_of_characters() -> None:
    admitted = admission.in_characters("हिन्दी")
    assert admitted("▁हि") and not admitted("▁the") and not admitted("é") and not admitted("தமிழ்")


def test_words_are_cut_at_marks_and_joiners_or_not() -> None:
    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = "हिन्दी क्\u200dष தமிழ் English"
    wide = marks.widened(fast)
    assert marks.cut_share(fast, [text]) == 0.75 and marks.cut_share(wide, [text]) == 0
    cut = [text[start:end] for _, (start, end) in wide.pre_tokenizer.pre_tokenize_str(text)]
    assert cut == ["हिन्दी", " क्\u200dष", " தமிழ்", " English"]
    plain = "don't  stop 12 times!\n ❤\ufe0f 1\ufe0f\u20e3 👩\u200d💻"
    assert wide.pre_tokenizer.pre_tokenize_str(plain) == fast.pre_tokenizer.pre_tokenize_str(plain)


def test_no_pre_tokenizer_cuts_nothing() -> None:
    fast = Tokenizer(models.BPE())
    assert marks.cut_share(fast, ["हिन्दी"]) == 0 and marks.widened(fast).to_str() == fast.to_str()


def test_learnt_and_measured_texts_are_apart(tmp_path: Path) -> None:
    path = tmp_path / "ta.jsonl"
    rows = [f"தமிழ் நூல் {at % 200}" for at in range(400)]  # each twice
    path.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    read = corpus.read("tam", [str(path)], column="text", characters=10**9)
    assert sorted(read.learn + read.measure) == sorted(rows) and not set(read.learn) & set(read.measure)
    assert 0.01 < len(read.measure) / 400 < 0.12
    short = corpus.read("tam", [str(path)], column="text", characters=2_000)
    assert 2_000 <= sum(map(len, short.learn + short.measure)) < 2_020
    path.write_text(json.dumps({"text": "ஒன்று"}) + "\n")
    with pytest.raises(TrainError, match="tam has 1 documents; one in 20 is kept to measure on"):
        corpus.read("tam", [str(path)], column="text", characters=2_000)


def test_weighed_languages_have_their_shares() -> None:
    counts = {"hin": Counter({"नदी": 1000, "नमक": 3000}), "tam": Counter({"மழை": 10, "நூல்": 20})}
    made = corpus.weighed(counts, {"tam": 2.0})
    sizes = [sum(len(word) * made[word] for word in words) for words in counts.values()]
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.01)
    assert made["நூல்"] == pytest.approx(2 * made["மழை"], rel=0.01)
    assert corpus.weighed({"hin": counts["hin"]}, {}) == counts["hin"]
    assert made["नदी"] == 1000 and min(made.values()) >= 1000  # none is lowered


def test_old_sentencepieces_come_about_through_new_halves_as_in_sentencepiece(tmp_path: Path) -> None:
    """A base that knows some Russian: pieces of it are spelled by new ones, and both programs take them the same way."""
    russian = "слово за словом словарь словами полон дело за делом дела делу словесность словарный запас деловой "
    more = "отделение разделение словообразование предисловие условие пословица раздел отдел предел определение "
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([russian, "the words of a river run past the water mill"] * 20),
        model_prefix=str(tmp_path / "tokenizer"),
        model_type="bpe",
        vocab_size=370,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    base = Base(LlamaTokenizer.from_pretrained(tmp_path).backend_tokenizer)
    words = base.count_words([russian, more, more, more])
    pieces = merged(base, words, Counter(russian), tokens=60, least=1, ascii=False, continued=True)
    after = extended(base, pieces)
    old = json.loads(base.fast.to_str())["model"]["merges"]
    new = json.loads(after.to_str())["model"]["merges"]
    assert [merge for merge in new if merge in old] == old and len(new) - len(old) >= len(pieces) > 20
    data = extended_proto(base, (tmp_path / "tokenizer.model").read_bytes(), pieces, (), "tokenizer.model")
    slow = sentencepiece.SentencePieceProcessor(model_proto=data)
    for text in [*russian.split(), *more.split(), russian, more, "переопределение словосочетания и подразделений"]:
        assert slow.encode(text) == after.encode(text, add_special_tokens=False).ids, text


def test_a_wrong_sentencepiece_model(tmp_path: Path) -> None:
    fast = Tokenizer(models.BPE({"<unk>": 0, "a": 1, "b": 2}, []))
    fast.decoder = decoders.Metaspace()
    with pytest.raises(TrainError, match=r"tokenizer\.model: no SentencePiece model"):
        extended_proto(Base(fast), b"nothing of the kind", ["ab"], (), "tokenizer.model")
    made = sentencepiece.sentencepiece_model_pb2.ModelProto()
    for piece in ("<unk>", "b", "a"):
        made.pieces.add(piece=piece, score=0.0)
    with pytest.raises(TrainError, match=r"piece 1 is 'b', which has another id"):
        extended_proto(Base(fast), made.SerializeToString(), ["ab"], (), "tokenizer.model")


def test_the_hard_texts_are_what_they_are_called() -> None:
    for name, text in HARD.items():
        if name.endswith(" decomposed"):
            assert unicodedata.normalize("NFD", text) == text, name
        if name.endswith(" composed"):
            assert unicodedata.normalize("NFD", text) != text, name
    assert HARD["nukta composed"] != HARD["nukta decomposed"]
    assert "\u200d" in HARD["zwj"] and "\u200c" in HARD["zwnj"]
    fast = Tokenizer(models.BPE({character: at for at, character in enumerate(BYTES)}, []))
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    assert all(round_trips(fast).values())
