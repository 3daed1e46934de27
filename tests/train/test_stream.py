"""The stream: nothing lost, shares as scheduled, the same for any workers, restarts and stages."""

import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from train.recipe import TrainError
from train.stream.mixture import DataSection, Source
from train.stream.packs import Piece, best_fit, spill
from train.stream.shards import texts
from train.stream.stream import Stream

WORDS = {"hin_Deva": "भाषा नदी पर्वत गाँव पुस्तक समय", "tam_Taml": "மொழி ஆறு மலை நூல்", "eng_Latn": "river hill book time"}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    inner.train_from_iterator(WORDS.values(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("kept"), np.random.default_rng(3)
    for language, words in WORDS.items():
        (root / language).mkdir()
        rows = [
            f"{language} {n} " + " ".join(rng.choice(words.split(), int(rng.exponential(40)) + 1)) for n in range(300)
        ]
        table = pa.table({"text": [*rows, None, ""], "rehydration_weight": [1 + n % 3 for n in range(302)]})
        pq.write_table(table, root / language / "0.parquet", row_group_size=70)
    return root


def section(kept: Path, **english: Any) -> DataSection:
    sources = [
        Source(name=name, paths=(str(kept / name / "*.parquet"),), **(english if name == "eng_Latn" else {}))
        for name in WORDS
    ]
    return DataSection(source=tuple(sources))


def flat(packs: Any) -> list[list[int]]:
    return [[*pack.input_ids.tolist(), *pack.labels.tolist(), *pack.document_ids.tolist()] for pack in packs]


def opened(data: DataSection, tokenizer: Any, **more: Any) -> Stream:
    return Stream(data, tokenizer, **({"length": 128, "seed": 5, "packs": 300, "workers": 0} | more))


def test_any_number_of_workers(kept: Path, tokenizer: Any) -> None:
    data = section(kept, share=0.25)
    whole = flat(opened(data, tokenizer))
    assert len(whole) == 300
    assert flat(opened(data, tokenizer, workers=2)) == whole


@pytest.mark.parametrize("after", [0, 1, 100, 128, 129, 299])
def test_restored_exactly(kept: Path, tokenizer: Any, after: int) -> None:
    data = section(kept, share=0.25)
    whole = flat(opened(data, tokenizer))
    first = opened(data, tokenizer)
    list(islice(first, after))
    second = opened(data, tokenizer)
    second.restore(json.loads(json.dumps(first.state())))
    assert flat(second) == whole[after:]


def counted(packs: Any) -> Counter[int]:
    tokens = Counter[int]()
    for pack in packs:
        tokens.update(pack.input_ids[pack.document_ids >= 0].tolist())
    return tokens


def wanted(kept: Path, tokenizer: Any, times: Any) -> Counter[int]:
    found = Counter[int]()
    for n, text in enumerate(texts([str(kept / "hin_Deva" / "*.parquet")])):
        for token in [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]:
            found[token] += times(n)
    return found


def hindi(kept: Path, **more: Any) -> DataSection:
    return DataSection(source=(Source(name="h", paths=(str(kept / "hin_Deva" / "*.parquet"),), **more),))


def test_each_document_as_often_as_its_weight_and_none_lost(kept: Path, tokenizer: Any) -> None:
    packs = list(opened(hindi(kept, epochs=1), tokenizer, packs=100_000))
    want = wanted(kept, tokenizer, lambda n: 1 + n % 3)
    assert counted(packs) == want
    labels = sum(int((pack.labels != -100).sum()) for pack in packs)
    assert labels == want.total() - want[tokenizer.eos_token_id]  # all but the first of each document


def test_a_stage_goes_on_where_the_one_before_ended(kept: Path, tokenizer: Any) -> None:
    """Packs of three lengths: together each document once, whole."""
    data, found, state = hindi(kept, epochs=1, rehydrate=False), Counter[int](), dict[str, Any]()
    for packs, length in ((150, 128), (33, 48), (100_000, 256)):
        states: list[dict[str, Any]] = []
        stream = opened(data, tokenizer, packs=packs, length=length, finished=states.append)
        if state:
            stream.follow(state)
        taken = list(stream)
        found += counted(taken)
        state = json.loads(json.dumps(states[0])) if states else {}
    assert not state and len(taken) < 100_000
    assert found == wanted(kept, tokenizer, lambda n: 1)


@pytest.mark.parametrize(("epochs", "rehydrate"), [(0.25, False), (1.5, False), (0.5, True), (1.25, True)])
def test_part_of_an_epoch(kept: Path, tokenizer: Any, epochs: float, rehydrate: bool) -> None:
    """Documents, told by their ends; each as often as any other but for one, its weight counted."""
    packs = list(opened(hindi(kept, epochs=epochs, rehydrate=rehydrate), tokenizer, packs=100_000))
    ends = counted(packs)[tokenizer.eos_token_id]
    assert ends == pytest.approx(epochs * 300 * (2 if rehydrate else 1), abs=8)  # 2 of 302 have no text
    if not rehydrate:
        least, most = (Counter({token: count * times for token, count in wanted(kept, tokenizer, lambda n: 1).items()}) for times in (int(epochs), int(epochs) + 1))  # fmt: skip
        assert least <= counted(packs) <= most


def test_a_weight_of_zero_is_never(tmp_path: Path, tokenizer: Any) -> None:
    rows = [f"नदी {n}" for n in range(200)]
    for name, weights in (("none", [0] * 200), ("some", [0] * 150 + [2] * 50), ("null", [0] * 199 + [3])):
        texts_ = [*rows[:-1], None] if name == "null" else rows
        pq.write_table(pa.table({"text": texts_, "rehydration_weight": weights}), tmp_path / f"{name}.parquet")

    def stream(name: str) -> Stream:
        data = DataSection(source=(Source(name=name, paths=(str(tmp_path / f"{name}.parquet"),), epochs=1),))
        return opened(data, tokenizer, length=64, packs=10_000)

    for name in ("none", "null"):
        with pytest.raises(TrainError, match="no document in its 200 rows that is wanted once or more"):
            stream(name)
    assert counted(stream("some"))[tokenizer.eos_token_id] == 100


def test_other_data_than_the_checkpoint_is_refused(kept: Path, tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"மொழி {n}"}) for n in range(50)))
    data = DataSection(source=(Source(name="a", paths=(str(path),)),))
    state = opened(data, tokenizer).state()
    opened(data, tokenizer).restore(state)
    with path.open("a") as file:
        file.write('\n{"text": "மலை"}')
    other = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, eos_token="மலை")
    for changed, words, message in (
        (data, tokenizer, r"data.source a: its files, column or seed are not what they were"),
        (data, other, "another tokenizer"),
        (hindi(kept), tokenizer, "the run began with a, not with h"),
    ):
        with pytest.raises(TrainError, match=message):
            opened(changed, words).restore(state)


def test_packs_of_one_group_alone(kept: Path, tokenizer: Any) -> None:
    groups = {"hin_Deva": "indic", "tam_Taml": "indic", "eng_Latn": "other"}
    data = DataSection(
        source=tuple(
            Source(name=name, paths=(str(kept / name / "*.parquet"),), group=group) for name, group in groups.items()
        )
    )
    packs = list(opened(data, tokenizer))
    kinds = Counter(frozenset(groups[source] for source in pack.sources) for pack in packs)
    assert set(kinds) == {frozenset({"indic"}), frozenset({"other"})} and min(kinds.values()) > 30
    assert any(len(set(pack.sources)) == 2 for pack in packs)
    assert np.mean([(pack.document_ids < 0).mean() for pack in packs]) < 0.03


def test_shares_follow_the_schedule_and_little_is_padding(kept: Path, tokenizer: Any) -> None:
    packs = list(opened(section(kept, share=((0.0, 0.25), (0.5, 0.0))), tokenizer, packs=1000))
    for part, want in ((packs[:400], 0.25), (packs[600:], 0.0)):
        counts = Counter[str]()
        for pack in part:
            for number, source in enumerate(pack.sources):
                counts[source] += int((pack.document_ids == number).sum())
        assert counts["eng_Latn"] / counts.total() == pytest.approx(want, abs=0.02)
    assert np.mean([(pack.document_ids < 0).mean() for pack in packs]) < 0.03


def test_best_fit_by_hand() -> None:
    assert best_fit([5, 6, 4, 3, 2], 10) == [[1, 2], [0, 3, 4]]


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.9), (0.6, 0.7), (0.0, 1.0), (0.98, 1.0), (0.9, 1.0)])
def test_spilling_fills_and_loses_nothing(low: float, high: float) -> None:
    rng = np.random.default_rng(4)
    sizes = rng.integers(int(low * 100) + 1, int(high * 100) + 1, 200)
    documents = [np.arange(size, dtype=np.int32) + 1000 * n for n, size in enumerate(sizes.tolist())]
    packs = [[Piece(tokens, -100, "s")] for tokens in documents]
    after = spill([list(pack) for pack in packs], 100, 0.02)
    found: dict[int, list[Piece]] = {}
    for pack in after:
        assert sum(len(piece.tokens) for piece in pack) <= 100
        for piece in pack:
            found.setdefault(int(piece.tokens[0]) // 1000, []).append(piece)
    for n, tokens in enumerate(documents):
        pieces = sorted(found[n], key=lambda piece: int(piece.tokens[0]))
        assert np.array_equal(np.concatenate([piece.tokens for piece in pieces]), tokens)
        assert [piece.following for piece in pieces] == [*(int(piece.tokens[0]) for piece in pieces[1:]), -100]
    waste = 1 - sizes.sum() / (100 * len(after))
    assert waste <= 0.02
    if low == 0.98:
        assert after == packs
    assert sum(len(pieces) > 1 for pieces in found.values()) <= 200 - len(after)


def test_one_half_filled_pack_stays(kept: Path) -> None:
    packs = [[Piece(np.arange(50, dtype=np.int32), -100, "s")]]
    assert spill(packs, 100, 0.02) == packs and spill([], 100, 0.02) == []


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_temperature(kept: Path, tmp_path: Path, tokenizer: Any, temperature: float) -> None:
    """p_i ~ n_i^(1/T), n being the tokens of an epoch."""
    sizes, sources = [], []
    for name, part in (("hin_Deva", 300), ("tam_Taml", 30)):
        rows = list(texts([str(kept / name / "*.parquet")]))[:part]
        pq.write_table(pa.table({"text": rows}), tmp_path / f"{name}.parquet")
        sizes.append(sum(len(tokenizer(text)["input_ids"]) + 1 for text in rows))
        sources.append(Source(name=name, paths=(str(tmp_path / f"{name}.parquet"),)))
    powers = [size ** (1 / temperature) for size in sizes]
    found = Counter[str]()
    for pack in opened(DataSection(source=tuple(sources), temperature=temperature), tokenizer, packs=400):
        for number, source in enumerate(pack.sources):
            found[source] += int((pack.document_ids == number).sum())
    assert found["tam_Taml"] / found.total() == pytest.approx(powers[1] / sum(powers), rel=0.1)


def test_a_linear_schedule(kept: Path, tokenizer: Any) -> None:
    packs = list(opened(section(kept, share=((0.0, 0.8), (1.0, 0.0)), linear=True), tokenizer, packs=1280))
    for at in range(0, 1280, 256):
        found = Counter[str]()
        for pack in packs[at : at + 256]:
            for number, source in enumerate(pack.sources):
                found[source] += int((pack.document_ids == number).sum())
        assert found["eng_Latn"] / found.total() == pytest.approx(0.8 * (1 - (at + 128) / 1280), abs=0.03)


def test_a_stage_has_its_part_of_the_schedule(kept: Path, tokenizer: Any) -> None:
    share = ((0.0, 1.0), (0.5, 0.0))
    for start, only in ((0.0, True), (0.5, False)):
        packs = opened(section(kept, share=share), tokenizer, packs=130, start=start, end=start + 0.5)
        assert all(({"eng_Latn"} == set(pack.sources)) == only for pack in packs)


def test_documents_begin_as_the_tokenizer_begins_them(kept: Path, tokenizer: Any) -> None:
    inner = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    inner.add_special_tokens(["<s>"])
    begin = inner.token_to_id("<s>")
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", begin)])
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    packs = list(opened(hindi(kept, epochs=1, rehydrate=False), made, packs=10_000, length=4096, workers=1))
    for pack in packs:
        for number in range(len(pack.sources)):
            ids = pack.input_ids[pack.document_ids == number].tolist()
            assert ids[0] == begin and ids[-1] == made.eos_token_id and ids.count(begin) == 1
    assert counted(packs) == wanted(kept, tokenizer, lambda n: 1) + Counter({begin: 300})


def test_a_mark_in_the_text_is_no_end(tmp_path: Path, tokenizer: Any) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "गाँव </s> river"}))
    data = DataSection(source=(Source(name="a", paths=(str(tmp_path / "a.jsonl"),), epochs=1),))
    assert counted(opened(data, tokenizer))[tokenizer.eos_token_id] == 1


def test_errors_are_one_line(tmp_path: Path, tokenizer: Any) -> None:
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "column.parquet")
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "type.parquet")
    pq.write_table(pa.table({"text": pa.array([None, ""], pa.string())}), tmp_path / "nulls.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"text": ["نص"] * 50}), tmp_path / "cut.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "cut.parquet").read_bytes()[:-20])
    (tmp_path / "json.jsonl").write_text('{"text": "ok"}\n{"text": \n')
    (tmp_path / "key.jsonl").write_text('{"text": "ok"}\n\n{"body": "x"}')
    (tmp_path / "list.jsonl").write_text('["text"]')
    (tmp_path / "number.jsonl").write_text('{"text": 3}')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "short.jsonl.gz").write_bytes(gzip.compress(b'{"text": "ok"}\n' * 99)[:-12])
    (tmp_path / "latin.jsonl").write_bytes('{"text": "é"}'.encode("latin-1"))
    (tmp_path / "a.csv").write_text("text")
    for name, message in {
        "column.parquet": "no column text; the columns are body",
        "type.parquet": "column text is int64, a string is wanted",
        "nulls.parquet": "no document in its 2 rows",
        "rows.parquet": "no document in its 0 rows",
        "cut.parquet": "cannot be read",
        "json.jsonl": "line 2: no JSON",
        "key.jsonl": "line 3: no key text; the keys are body",
        "list.jsonl": "line 1: no key text; the keys are none: it is a list",
        "number.jsonl": "line 1: text is a int, a string is wanted",
        "empty.jsonl": "no document in its 0 rows",
        "short.jsonl.gz": "cannot be read",
        "latin.jsonl": "cannot be read",
        "a.csv": "neither Parquet",
        "none.parquet": "no such file",
    }.items():
        data = DataSection(source=(Source(name="s", paths=(str(tmp_path / name),)),))
        with pytest.raises(TrainError, match=message) as raised:
            opened(data, tokenizer)
        assert "\n" not in str(raised.value)


def test_damage_in_the_middle_is_one_line(tmp_path: Path, tokenizer: Any) -> None:
    path = tmp_path / "a.parquet"
    rng = np.random.default_rng(2)
    rows = ["".join(map(chr, rng.integers(0x905, 0x939, 400))) for _ in range(400)]
    pq.write_table(pa.table({"text": rows}), path, row_group_size=100, compression="zstd", use_dictionary=False)
    data = DataSection(source=(Source(name="s", paths=(str(path),)),))
    stream = opened(data, tokenizer, workers=1)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 2000] = bytes(2000)
    path.write_bytes(damaged)
    with pytest.raises(TrainError, match=r"a.parquet: cannot be read"):
        list(stream)


def test_empty_shards_and_nulls_among_others_are_left_out(tmp_path: Path, tokenizer: Any) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"text": ["ஆறு", None, "", "மலை"]}), tmp_path / "1.parquet")
    (tmp_path / "2.jsonl").write_text('{"text": null}\n\n{"text": "\\ud83d river"}\n')
    data = DataSection(source=(Source(name="s", paths=(str(tmp_path / "*"),), epochs=1),))
    stream = opened(data, tokenizer)
    assert counted(stream)[tokenizer.eos_token_id] == 3
    assert (stream.cursors[0].seen, stream.cursors[0].without_text) == (6, 3)


def test_a_processes_end_is_one_line_and_leaves_none(kept: Path, tokenizer: Any) -> None:
    stream = opened(hindi(kept), tokenizer, workers=1, packs=100_000)
    packs = iter(stream)
    next(packs)
    (process,) = stream._encoder._processes
    process.kill()
    with pytest.raises(TrainError, match="a tokenising process ended"):
        list(packs)
    assert process.poll() is not None


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.5, 0.2, 0.2), r"the shares at 0 of the run are 0.9 together, below 1"),
        ((0.5, 0.6, None), r"the shares at 0 of the run are 1.1 together, above 1"),
        ((((0.0, 0.5), (0.4, 0.9)), 0.2, None), r"the shares at 0.4 of the run are 1.1 together, above 1"),
        ((((0.0, 0.8), (0.4, 0.7)), 0.2, None), None),
        ((((0.0, 0.8), (0.4, 0.7)), 0.2, 0.0), r"the shares at 0.4 of the run are 0.9 together, below 1"),
    ],
)
def test_shares_are_one_together(kept: Path, tokenizer: Any, shares: Any, message: str | None) -> None:
    data = DataSection(
        source=tuple(
            Source(name=name, paths=(str(kept / name / "*.parquet"),), share=share)
            for name, share in zip(WORDS, shares, strict=True)
        )
    )
    if message is None:
        assert len(flat(opened(data, tokenizer, packs=10))) == 10
        return
    with pytest.raises(TrainError, match=message):
        opened(data, tokenizer)
