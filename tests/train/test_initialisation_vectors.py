"""WECHSEL, OFA and FOCUS from texts to rows: against slow computations, and against the published packages."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy.linalg import orthogonal_procrustes
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tests.train import freedict
from tests.train.models import llama
from train.embeddings import Embeddings, expand, main
from train.folder import load_model
from train.initialisation import dictionary, space, vectors
from train.initialisation.space import Change, Material
from train.initialisation.vectors import Vectors
from train.initialisation.vocabulary import compare
from train.recipe import TrainError

PAIRS = (
    ("river", "नदी"), ("village", "गाँव"), ("water", "पानी"), ("house", "मकान"), ("morning", "सुबह"), ("teacher", "शिक्षक"),
    ("market", "बाज़ार"), ("children", "बच्चे"), ("mountain", "पहाड़"), ("letter", "चिट्ठी"), ("evening", "शाम"), ("garden", "बगीचा"),
    ("window", "खिड़की"), ("bridge", "पुल"), ("summer", "गर्मी"), ("winter", "सर्दी"), ("friend", "दोस्त"), ("forest", "जंगल"),
)  # fmt: skip
TAMIL = ("ஆறு", "கிராமம்", "தண்ணீர்", "வீடு", "காலை", "ஆசிரியர்")


def sentences(words: list[str], count: int, seed: int) -> list[str]:
    """Neighbours in the list are neighbours in the text, so that both languages have the same shape."""
    draw = random.Random(seed)
    return [" ".join(words[(draw.randrange(len(words)) // 3 * 3 + draw.randrange(4)) % len(words)] for _ in range(9)) + f" {draw.randrange(99)}." for _ in range(count)]  # fmt: skip


ENGLISH = sentences([one for one, _ in PAIRS], 400, 1)
HINDI = sentences([other for _, other in PAIRS], 400, 2) + sentences(list(TAMIL), 100, 3)


def byte_level(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "merged_with_next"), made.pre_tokenizer])
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made)


def write(path: Path, texts: list[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def change() -> Change:
    old, new = byte_level(ENGLISH, 330), byte_level(ENGLISH + HINDI, 520)
    return Change(compare(old, new), old, new)


@pytest.fixture(scope="module")
def matrix(change: Change) -> Tensor:
    torch.manual_seed(4)
    return torch.randn(len(change.old) + 6, 12)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """fastText as published, but for the 2 million (800 MB) buckets of its parts of words; quicker to learn."""
    for name in ("OF_WORDS", "OF_TOKENS"):
        monkeypatch.setattr(vectors, name, getattr(vectors, name) | {"bucket": 100_000, "lr": 0.3, "epoch": 20})


_KEEP = """
import fasttext, sys
text, start, saved = sys.argv[1:]
settings = {"dim": 8, "bucket": 1_200_000, "minn": 3, "maxn": 5, "minCount": 5, "thread": 1, "verbose": 0}
fasttext.train_unsupervised(text, "cbow", lr=0.0, epoch=1, pretrainedVectors=start, **settings).save_model(saved)
"""


def far_apart(path: Path, lines: list[str]) -> Path:
    """A file of fastText's own, made in a process of its own: vectors at random, so that no two neighbours are equally
    near, of 8 numbers, so that 12 pairs leave no rotation open."""
    draw = np.random.default_rng(len(lines[0]))
    text, start = path.with_suffix(".txt"), path.with_suffix(".vec")
    text.write_text("\n".join(lines) + "\n", "utf-8")
    own = sorted({word for line in lines for word in line.split()})
    rows = (" ".join([word, *(f"{number:.4f}" for number in draw.normal(size=8))]) for word in own)
    start.write_text("\n".join([f"{len(own)} 8", *rows]) + "\n", "utf-8")
    subprocess.run([sys.executable, "-c", _KEEP, str(text), str(start), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return far_apart(tmp_path_factory.mktemp("fasttext") / "english.bin", ENGLISH)


@pytest.fixture(scope="module")
def hindi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return far_apart(tmp_path_factory.mktemp("fasttext") / "hindi.bin", HINDI)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dictionary") / "eng-hin.tsv"
    path.write_text("".join(f"{one}\t{other}\n" for one, other in PAIRS[:12]), "utf-8")
    return path


def texts(lines: list[str]) -> object:
    def read() -> Iterator[str]:
        return iter(lines)

    return read


def test_fasttext_learns_the_company_of_words() -> None:
    lines = ENGLISH + HINDI
    asked = ["river", "village", "பனை", "पानी", "</s>"]
    made = vectors.trained(lines, vectors.OF_TOKENS, asked)
    assert made.words == asked and made.known.tolist() == [True, True, False, True, True]
    again = vectors.trained(lines, vectors.OF_TOKENS, None)
    assert np.array_equal(again.of(["river", "पानी"]), made.of(["river", "पानी"]))  # one thread, one result
    assert "</s>" not in again.words and {word for pair in PAIRS for word in pair} <= set(again.words)
    unit = again.values / np.linalg.norm(again.values, axis=1, keepdims=True)
    same = unit[[again.index[word] for word in TAMIL]]
    apart = unit[[again.index[one] for one, _ in PAIRS]]
    assert (same @ same.T).mean() > (same @ apart.T).mean() + 0.2


def test_vectors_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"word vectors from the texts: .*[Ee]mpty vocabulary"):
        vectors.trained(["नदी के किनारे"], vectors.OF_TOKENS, ["नदी"])
    with pytest.raises(TrainError, match="no such file of word vectors"):
        vectors.loaded(tmp_path / "none.bin", None)
    (tmp_path / "broken.bin").write_bytes(b"no model")
    with pytest.raises(TrainError, match=r"broken\.bin: .*wrong file format"):
        vectors.loaded(tmp_path / "broken.bin", None)
    with pytest.raises(TrainError, match=r"\(\.bin\) or its text form \(\.vec\)"):
        vectors.loaded(tmp_path / "a.pkl", None)
    (tmp_path / "nan.vec").write_text("1 2\nनदी nan 1\n", "utf-8")
    with pytest.raises(TrainError, match=r"nan\.vec: NaN"):
        vectors.loaded(tmp_path / "nan.vec", None)


def test_text_vectors(tmp_path: Path) -> None:
    path = tmp_path / "all.vec"
    path.write_text("4 3\nriver 1 0 .5\nनदी -1 2e-1 0\n</s> 1 1 1\nஆறு 0 1 0\n", "utf-8")
    everything = vectors.loaded(path, None)
    assert everything.words == ["river", "नदी", "ஆறு"] and everything.known.all()
    some = vectors.loaded(path, ["ஆறு", "none", "river"])
    assert some.values.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0.5]] and some.known.tolist() == [True, False, True]


def test_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("river\tनदी\n\nice cream\tआइसक्रीम\nwater தண்ணீர்\n", "utf-8")
    assert dictionary.read(path) == [("river", "नदी"), ("ice cream", "आइसक्रीम"), ("water", "தண்ணீர்")]
    path.write_text("river\tनदी\nriver bank नदी\n", "utf-8")
    with pytest.raises(TrainError, match=r"pairs\.txt: line 2: .*two words with a tab"):
        dictionary.read(path)
    path.write_text("\n", "utf-8")
    with pytest.raises(TrainError, match="no pairs"):
        dictionary.read(path)
    with pytest.raises(TrainError, match="no dictionary that can be read"):
        dictionary.read(tmp_path / "none")


def test_rotation_takes_every_spelling() -> None:
    made = np.random.default_rng(1)
    left = Vectors(["river", "River", "water", "guessed"], made.normal(size=(4, 3)).astype("f"), np.array([True] * 3 + [False]))  # fmt: skip
    right = Vectors(["नदी", "पानी", "डर"], made.normal(size=(3, 3)).astype("f"), np.array([True] * 3))
    turned, count = dictionary.rotation(left, right, [("River", "नदी"), ("water", "पानी"), ("guessed", "डर")])
    # River as written and in title case, river in lower case; Devanagari has one case, so each weighs three
    ours = ["River"] * 3 + ["river"] * 3 + ["River"] * 3 + ["water"] * 6
    theirs = ["नदी"] * 9 + ["पानी"] * 6
    wanted, _ = orthogonal_procrustes(left.of(ours).astype(float), right.of(theirs).astype(float))
    assert count == 3 and np.allclose(turned.numpy(), wanted, atol=1e-5)
    with pytest.raises(TrainError, match="not one pair"):
        dictionary.rotation(left, right, [("guessed", "डर")])


def slow_subword_vectors(tokenizer: PreTrainedTokenizerFast, words: list[str], values: np.ndarray) -> dict[int, np.ndarray]:  # fmt: skip
    having: dict[int, list[np.ndarray]] = {}
    for word, value in zip(words, values, strict=True):
        for token in set(tokenizer.encode(word)) | set(tokenizer.encode(" " + word)):
            having.setdefault(token, []).append(value)
    return {token: np.mean(each, axis=0) for token, each in having.items()}


def weighted(new: np.ndarray, old: dict[int, np.ndarray], matrix: Tensor) -> np.ndarray | None:
    """None where the tenth and the eleventh neighbour are equally near, as tokens of the same words are."""
    ids = list(old)
    cosines = np.array([new @ old[at] / np.linalg.norm(new) / np.linalg.norm(old[at]) for at in ids])
    best = np.argsort(-cosines)
    if cosines[best[9]] - cosines[best[10]] < 1e-5:
        return None
    weights = np.exp(cosines[best[:10]] / 0.1)
    chosen: np.ndarray = (weights / weights.sum()) @ matrix[[ids[at] for at in best[:10]]].numpy()
    return chosen


def test_ofa(change: Change, matrix: Tensor, english: Path, hindi: Path) -> None:
    parts = [vectors.loaded(path, None) for path in (english, hindi)]
    words, values = parts[0].words + parts[1].words, np.concatenate([part.values for part in parts])
    old, new = (slow_subword_vectors(each, words, values) for each in (change.old, change.new))
    made = space.make("ofa", change, Material(files=(english, hindi)))
    rows = space.rows("ofa", made, change.vocabulary, matrix)
    low = space.rows("ofa", made, change.vocabulary, matrix, rank=3)
    u, s, v = np.linalg.svd(matrix[sorted(old)].numpy(), full_matrices=False)
    factors = matrix.clone()
    factors[sorted(old)] = torch.from_numpy(u[:, :3] * s[:3] @ v[:3])
    compared = 0
    for at, row, flat, pieces in zip(change.vocabulary.added, rows, low, change.vocabulary.pieces, strict=True):
        if at not in new:
            assert torch.allclose(row, matrix[list(pieces)].mean(0), atol=1e-6)
        elif (wanted := weighted(new[at], old, matrix)) is not None:
            assert np.allclose(row, wanted, atol=1e-4)
            assert np.allclose(flat, weighted(new[at], old, factors), atol=1e-4)
            compared += 1
    assert made.facts["new_with_vectors"] >= compared > 20 and made.facts["words"] == len(words)


def test_wechsel_is_the_packages(change: Change, matrix: Tensor, english: Path, hindi: Path, words: Path) -> None:
    package = pytest.importorskip("wechsel")
    import fasttext

    source, target = (fasttext.load_model(str(path)) for path in (english, hindi))
    theirs, info = package.WECHSEL(source, target, bilingual_dictionary=str(words)).apply(
        change.old, change.new, matrix[: len(change.old)].numpy(), neighbors=12
    )
    theirs, _ = package.WECHSEL(source, target, bilingual_dictionary=str(words)).apply(
        change.old, change.new, matrix[: len(change.old)].numpy()
    )
    made = space.make("wechsel", change, Material(files=(english, hindi), pairs=words))
    rows = space.rows("wechsel", made, change.vocabulary, matrix)
    assert made.facts["pairs"] == 12
    whole = {change.old.convert_ids_to_tokens(at) for at in made.old_ids.tolist()}
    compared = 0
    for at in made.new_at.tolist():
        new_id = change.vocabulary.added[at]
        used, _, cosines = info.sources[change.new.convert_ids_to_tokens(new_id)]
        if (
            set(used) <= whole and cosines[9] - cosines[10] > 1e-5
        ):  # it also weighs parts of characters, as the text "�"
            assert np.allclose(rows[at], theirs[new_id], atol=1e-4)
            compared += 1
    assert compared > 20


def test_focus_is_the_packages(tmp_path: Path) -> None:
    """In ASCII: the package takes any two parts of characters for one token."""
    package = pytest.importorskip("deepfocus")
    swahili = sentences(
        [
            "mto",
            "kijiji",
            "maji",
            "nyumba",
            "asubuhi",
            "mwalimu",
            "soko",
            "watoto",
            "mlima",
            "barua",
            "jioni",
            "bustani",
        ],
        400,
        8,
    )
    old, new = byte_level(ENGLISH, 330), byte_level(ENGLISH + swahili, 420)
    change = Change(compare(old, new), old, new)
    torch.manual_seed(4)
    matrix = torch.randn(len(old), 12)
    path = far_apart(tmp_path / "tokens.bin", [" ".join(new.tokenize(text)) for text in ENGLISH + swahili])
    theirs = package.FOCUS(
        source_tokenizer=old, target_tokenizer=new, source_embeddings=matrix,
        fasttext_model_path=str(path), verbosity="silent",
    )  # fmt: skip
    made = space.make("focus", change, Material(files=(path,)))
    rows = space.rows("focus", made, change.vocabulary, matrix)
    ours, wanted = rows[made.new_at], theirs[torch.tensor(change.vocabulary.added)[made.new_at]]
    assert len(ours) > 20 and torch.allclose(ours, wanted, atol=1e-4)


def test_focus_from_texts(change: Change, matrix: Tensor) -> None:
    made = space.make("focus", change, Material(texts=texts(ENGLISH + HINDI)))  # type: ignore[arg-type]
    rows = space.rows("focus", made, change.vocabulary, matrix)
    counts = np.zeros(len(change.new), int)
    for text in ENGLISH + HINDI:
        np.add.at(counts, change.new.encode(text), 1)
    frequent = {at for at, count in enumerate(counts) if count >= 10}
    kept = change.vocabulary.kept
    assert sorted(made.old_ids.tolist()) == sorted(old for new, old in kept.items() if new in frequent)
    added = [at for at, new in enumerate(change.vocabulary.added) if new in frequent]
    assert made.new_at.tolist() == added and 0 < len(added) < len(change.vocabulary.added)
    rest = sorted(set(range(len(rows))) - set(added))
    for at in rest:
        assert torch.allclose(rows[at], matrix[list(change.vocabulary.pieces[at])].mean(0), atol=1e-6)


def test_wechsel_brings_translations_together(change: Change, words: Path) -> None:
    many = sentences([one for one, _ in PAIRS], 1000, 5), sentences([other for _, other in PAIRS], 1000, 6)
    made = space.make("wechsel", change, Material(texts=texts(many[1]), source_texts=texts(many[0]), pairs=words))  # type: ignore[arg-type]
    old = {change.old.decode(at).strip(): vector for at, vector in zip(made.old_ids.tolist(), made.old, strict=True)}
    spelt = [change.new.decode(change.vocabulary.added[at]).strip() for at in made.new_at.tolist()]
    new = dict(zip(spelt, made.new, strict=True))
    both = [(old[one], new[other]) for one, other in PAIRS if one in old and other in new]
    ours, theirs = (torch.nn.functional.normalize(torch.stack(each), dim=1) for each in zip(*both, strict=True))
    cosines = ours @ theirs.T
    apart = (cosines.sum() - cosines.diag().sum()) / (cosines.numel() - len(cosines))
    assert len(both) > 8 and cosines.diag().mean() > apart + 0.05


def test_what_is_missing_is_said(change: Change, words: Path, tmp_path: Path) -> None:
    read = texts(HINDI)
    for method, material, message in (
        ("focus", Material(), "texts: focus wants"),
        ("focus", Material(files=(words, words)), "focus wants one file"),
        ("wechsel", Material(texts=read), "wechsel wants a dictionary"),  # type: ignore[arg-type]
        ("wechsel", Material(texts=read, pairs=words), "source_texts: wechsel wants"),  # type: ignore[arg-type]
        ("wechsel", Material(files=(words,)), "two files"),
    ):
        with pytest.raises(TrainError, match=message):
            space.make(method, change, material)
    for width in (2, 3):
        (tmp_path / f"{width}.vec").write_text(f"1 {width}\nriver{' 1' * width}\n", "utf-8")
    with pytest.raises(TrainError, match="vectors of 2 and of 3 numbers"):
        space.make("wechsel", change, Material(files=(tmp_path / "2.vec", tmp_path / "3.vec")))
    (tmp_path / "far.vec").write_text("1 2\nಕನ್ನಡ 1 1\n", "utf-8")
    with pytest.raises(TrainError, match="focus: none of the base's tokens has a vector"):
        space.make("focus", change, Material(files=(tmp_path / "far.vec",)))


@pytest.mark.parametrize("method", ["wechsel", "ofa", "focus"])
def test_the_command(method: str, change: Change, words: Path, tmp_path: Path) -> None:
    base = llama(len(change.old), tied=False).bfloat16()
    base.save_pretrained(tmp_path / "base")
    change.old.save_pretrained(tmp_path / "base")
    change.new.save_pretrained(tmp_path / "run" / "tokenizer")
    english, both = write(tmp_path / "english.jsonl", ENGLISH), write(tmp_path / "both.jsonl", ENGLISH + HINDI)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'base = "{tmp_path}/base"\noutput = "{tmp_path}/run"\n[embeddings]\ninput = "{method}"\noutput = "first_piece"\n'
        f'texts = ["{both}"]\nsource_texts = ["{english}"]\ndictionary = "{words}"\n',
        "utf-8",
    )
    done = CliRunner().invoke(main, [str(recipe)])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "run" / "embeddings" / "embeddings.json").read_text())
    assert report["input"]["method"] == method and report["output"]["method"] == "first_piece"
    assert report["spaces"][method]["new_with_vectors"] > 10
    bits = report["bits_per_byte"]
    held = ENGLISH[:320:20]  # not learnt from; a random model finds all tokens alike, the first is not scored
    for tokens, rows, name in ((change.old, len(change.old), "base"), (change.new, report["rows"], "new")):
        length = sum(len(tokens.encode(text)) - 1 for text in held) / sum(len(text.encode()) for text in held)
        for each in ("texts", "source_texts"):
            assert bits[each][name] == pytest.approx(length * np.log2(rows), rel=0.02)
    config = json.loads((tmp_path / "run" / "embeddings" / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    made = load_model(tmp_path / "run" / "embeddings").get_input_embeddings().weight
    kept = change.vocabulary.kept
    assert torch.equal(made[list(kept)], base.get_input_embeddings().weight[list(kept.values())].float())


@pytest.mark.shared
def test_freedict(shared: Path, tmp_path: Path) -> None:
    path = freedict.write(shared / "parallel" / "freedict" / "eng-hin.jsonl.gz", tmp_path / "eng-hin.tsv")
    pairs = dictionary.read(path)
    assert len(pairs) > 15_000 and ("cholera", "हैज़ा") in pairs and ("chivalry", "वीरता") in pairs


def test_both_matrices_have_the_method(change: Change, english: Path, hindi: Path) -> None:
    base = llama(len(change.old), tied=False)
    old = [base.get_input_embeddings().weight.detach().clone(), base.get_output_embeddings().weight.detach().clone()]
    expand(base, change.old, change.new, Embeddings(input="ofa", vectors=(str(english), str(hindi)), rank=4))
    made = space.make("ofa", change, Material(files=(english, hindi)))
    for matrix, layer in zip(old, (base.get_input_embeddings(), base.get_output_embeddings()), strict=True):
        wanted = space.rows("ofa", made, change.vocabulary, matrix, rank=4)
        assert torch.allclose(layer.weight[list(change.vocabulary.added)], wanted, atol=1e-6)
