"""The command that makes data for cross-lingual transfer: accounts, provenance, bad input, resuming."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web
from click.testing import CliRunner

from curate.cli import main
from curate.instruct.answers import Engines
from curate.instruct.job import Transfer, run
from curate.instruct.recall import Recall
from curate.translate.asking import cutoffs
from curate.translate.memory import Memory
from tests.translate.llm_server import LanguageServer, completion
from translate.echo import EchoEngine
from translate.engine import Answer, Failure, Identity, Request, Result
from translate.instruct import LINES, Settings, takes

ASKED = "Say in one sentence what the people of this village do."
GIVEN = "The village lies on a river, and every family there owns a boat and a net."
TOLD = "The people of the village catch fish in the river and sell it on the market of the next town."
HINDI = {
    ASKED: "एक वाक्य में बताइए कि इस गाँव के लोग क्या काम करते हैं।",
    GIVEN: "गाँव नदी के किनारे बसा है और वहाँ हर परिवार के पास एक नाव और एक जाल है।",
    TOLD: "गाँव के लोग नदी में मछली पकड़ते हैं और उसे पास के शहर के बाज़ार में बेचते हैं।",
}
LEFT_ENGLISH = "The farmers of the valley grow rice in summer and wheat in winter for the whole country."
RECORD = {"instruction": ASKED, "input": GIVEN, "output": TOLD}
CHAT = {
    "messages": [{"role": "user", "content": [{"type": "text", "text": ASKED}]}, {"role": "assistant", "content": TOLD}]
}
ALIGNED = {"translation": {"en": [ASKED, TOLD], "hi": [HINDI[ASKED], HINDI[TOLD]]}}


class ByHand(EchoEngine):
    """Translations that somebody wrote; other text is copied. Free questions are answered with TOLD, pages with turns."""

    asked = 0

    @property
    def identity(self) -> Identity:
        return Identity("by-hand")

    def run(self, requests: Sequence[Request]) -> list[Result]:
        self.asked += len(requests)
        return [self._said(request) for request in requests]

    def _said(self, request: Request) -> Result:
        text = request.prompt[-1].content  # type: ignore[union-attr]
        if request.parameters.schema:
            if "secret" in text:
                return Answer("I'm sorry, I can't do that.", "stop")
            return Answer(json.dumps({"turns": [{"question": ASKED, "answer": TOLD}]}), "stop")
        if len(request.prompt) == 1:
            return Answer(TOLD, "stop")
        return (
            Failure("timeout", "late")
            if "farmers" in text and self.asked < 3
            else Answer(HINDI.get(text, text), "stop")
        )


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in rows))
    return path


def transfer(
    file: Path, out: Path, *transforms: str, engine: ByHand | None = None, **settings: object
) -> dict[str, object]:
    made = Settings(source="en", target="hi", **settings)  # type: ignore[arg-type]
    engines = Engines(engine, Memory(str(out / "memory")), cutoffs(())) if engine else None
    return run(Transfer((str(file),), str(out), transforms, made, {"transforms": list(transforms)}, engines))


def rows(folder: Path) -> list[dict[str, object]]:
    return pl.read_parquet(str(folder / "*.parquet")).to_dicts()


def test_translated_with_where_each_is_from(tmp_path: Path) -> None:
    bad = [{"instruction": ["x"], "output": "y"}, "{broken", "[1]", {"instruction": " ", "output": ""}]
    english = {"instruction": ASKED, "output": LEFT_ENGLISH}
    file = write(
        tmp_path / "a.jsonl",
        [RECORD | {"id": "नदी"}, CHAT, *bad, english, "\ud83d".join(["{", "}"]).encode("utf-8", "replace").decode()],
    )
    engine = ByHand()
    account = transfer(file, tmp_path / "out", "okapi", "taco", "sdrrl_source_target", engine=engine)
    assert account["failed"] == {"malformed": 3}
    assert account["in"] == 3 * 5 + 3 and account["tried"] == {"okapi": 5, "taco": 5, "sdrrl_source_target": 5}
    assert account["written"] == {"okapi": 2, "sdrrl_source_target": 3, "taco": 2}
    assert account["dropped"] == {"empty": 3, "not_an_example": 3, "translate_copied": 2}
    found = {row["transform"]: row for row in rows(tmp_path / "out" / "instructions") if row["source_id"] == "नदी"}
    assert found["okapi"]["output"] == HINDI[TOLD] and found["okapi"]["model"] == "by-hand"
    assert found["taco"]["languages"]["output"] == ["eng_Latn", "hin_Deva"]  # type: ignore[index]
    assert found["okapi"]["loss"] == {"instruction": False, "input": False, "output": True}
    assert found["okapi"]["source"] == {"file": str(file), "offset": 0} and found["okapi"]["seed"] == 0
    assert found["sdrrl_source_target"]["gold"] == TOLD
    chat = next(row for row in rows(tmp_path / "out" / "conversations") if row["transform"] == "okapi")
    assert [each["content"] for each in chat["messages"]] == [HINDI[ASKED], HINDI[TOLD]]  # type: ignore[attr-defined]
    dropped = [row for row in rows(tmp_path / "out" / "dropped") if row["reason"] == "translate_copied"]
    assert {row["sample"] for row in dropped} == {LEFT_ENGLISH}
    before = engine.asked
    transfer(file, tmp_path / "out", "okapi", "taco", "sdrrl_source_target", engine=engine)
    assert engine.asked == before
    for commit in (tmp_path / "out" / "_commits").iterdir():
        commit.unlink()
    transfer(file, tmp_path / "out", "okapi", "taco", "sdrrl_source_target", engine=engine)
    assert engine.asked == before  # the memory has it all


def test_aligned_and_native_texts(tmp_path: Path) -> None:
    native = {"text": f"{HINDI[TOLD]}\n{HINDI[GIVEN]}"}
    crooked = {"source": [ASKED, TOLD], "target": [HINDI[ASKED]]}
    file = write(tmp_path / "a.jsonl", [ALIGNED, crooked, native])
    account = transfer(file, tmp_path / "out", "tower", "alternating", "translation", "completion")
    assert account["written"] == {"tower": 1, "alternating": 1, "translation": 1, "completion": 1}
    assert account["rows"] == {"tower": 2, "alternating": 2, "translation": 2, "completion": 1}
    assert account["dropped"]["not_aligned"] == 3 and account["dropped"]["no_aligned"] == 2  # type: ignore[index]
    texts = [row["text"] for row in rows(tmp_path / "out" / "texts")]
    assert f"{ASKED} {HINDI[TOLD]}" in texts and f"{HINDI[ASKED]} {TOLD}" in texts


def test_pages_become_conversations_and_refusals_are_recorded(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"title": "Village", "text": GIVEN}, {"text": f"{GIVEN} secret"}])
    account = transfer(file, tmp_path / "out", "conversation", engine=ByHand())
    assert account["written"] == {"conversation": 1} and account["dropped"] == {"answer_refusal": 1}
    [row] = rows(tmp_path / "out" / "conversations")
    assert [each["content"] for each in row["messages"]] == [HINDI[ASKED], HINDI[TOLD]]  # type: ignore[attr-defined]


class Hesitant(ByHand):
    """What it says is of no use the first time, and with `stubborn` the second time too."""

    stubborn = False

    def _said(self, request: Request) -> Result:
        assert not isinstance(request.prompt, str)
        first = request.prompt[0]
        second = "An earlier answer was refused" in first.content or request.parameters.temperature > 0
        if self.stubborn or not second:
            return Answer('{"turns": [{"question": "What' if request.parameters.schema else "", "length")
        return super()._said(request)


@pytest.mark.parametrize(("stubborn", "written"), [(False, 2), (True, 0)])
def test_an_answer_of_no_use_is_asked_for_once_more(tmp_path: Path, stubborn: bool, written: int) -> None:
    file = write(tmp_path / "a.jsonl", [{"title": "Village", "text": GIVEN}, RECORD])
    engine = Hesitant()
    engine.stubborn = stubborn
    account = transfer(file, tmp_path / "out", "conversation", "sdrrl_source_source", engine=engine)
    assert sum(account["written"].values()) == written  # type: ignore[attr-defined]
    memory = pl.read_parquet(str(tmp_path / "out" / "memory" / "*.parquet"))
    assert set(memory["asked"]) == {2} and account["asked"] == engine.asked == memory["asked"].sum()
    if stubborn:
        assert account["dropped"]["answer_stopped_by_length"] == 1  # type: ignore[index]
        assert account["dropped"]["answer_empty"] == 1  # type: ignore[index]


def test_the_memory_is_indexed_once_and_grows(tmp_path: Path) -> None:
    memory = Memory(str(tmp_path))
    keys = [f"{number:032x}" for number in range(100)]
    texts = ["नदी", None, "नाव\n"] * 40

    def add(start: int, end: int) -> None:
        rows = [{"key": key, "translation": text, "asked": 1} for key, text in zip(keys, texts, strict=False)]
        memory.add(rows[start:end])

    recall = Recall(memory)
    recall.refresh()
    assert recall.answers(keys) == {}
    for start in (0, 40):
        add(start, start + 40)
        recall.refresh()
    recall._sort_in()
    add(80, 90)
    recall.refresh()
    found = recall.answers([*keys[1:95], "f" * 32])
    assert found == {key: (text, None) for key, text in list(zip(keys, texts, strict=False))[1:90]}
    for path in tmp_path.iterdir():
        path.write_bytes(b"")  # read again only for what is wanted
    recall.refresh()
    assert recall.answers(["e" * 32]) == {}


STARTS, ENDS = ("Bel", "Cor", "Dun", "Far", "Gal", "Hol"), ("ham", "ton", "ford", "wick")
NAMES = [first + last for first in STARTS for last in ENDS]


def _village(body: dict[str, object], _: int) -> web.Response:
    """Translations and answers that name the village asked about."""
    messages = body["messages"]
    text = messages[-1]["content"]  # type: ignore[index]
    name = " ".join(word for word in text.replace(".", " ").replace("?", " ").split() if word in NAMES)
    if len(messages) == 1:  # type: ignore[arg-type]
        return completion(TOLD.replace("this village", name).replace("the village", name))
    return completion(f"{name} " + HINDI[TOLD])


def test_kill_loses_nothing_and_asks_only_the_chunk_in_flight_again(tmp_path: Path) -> None:
    names = [f"{one} {other}" for one in NAMES for other in NAMES]
    for at in range(3):
        asked = [f"What do the people of {name} do for a living?" for name in names[at::3]]
        write(tmp_path / f"{at}.jsonl", [{"instruction": text, "output": TOLD} for text in asked])
    with LanguageServer(_village) as server:
        out = _killed(server, tmp_path, "killed", after=[60, 300, 700])
        calm = _killed(server, tmp_path, "calm", after=[])
    for shard in (calm / "instructions").iterdir():
        assert (out / "instructions" / shard.name).read_bytes() == shard.read_bytes()
    made = rows(out / "instructions")
    assert len(made) == len(names) and len({row["instruction"] for row in made}) == len(names)
    accounts = [json.loads((each / "manifest.json").read_text()) for each in (out, calm)]
    assert all(one["written"] == {"sdrrl_source_target": len(names)} for one in accounts)


def _killed(server: LanguageServer, folder: Path, name: str, *, after: list[int]) -> Path:
    """Run to the end, killed when the server has had so many requests. Nothing that was kept is asked for again."""
    out, first = folder / name, len(server.requests)
    command = [sys.executable, "-m", "curate.cli", "instruct", *map(str, sorted(folder.glob("*.jsonl"))), str(out)]
    command += ["--transform", "sdrrl_source_target", "--from", "en", "--to", "hi", "--engine", server.url]
    for kill in [*after, 0]:
        kept = set(pl.read_parquet(files)["source"]) if (files := [*(out / "memory").glob("[!_]*.parquet")]) else set()
        begun = len(server.requests)
        job = subprocess.Popen([*command, "--model", "m"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while kill and len(server.requests) < first + kill and job.poll() is None:
            time.sleep(0.002)
        if kill:
            os.kill(job.pid, signal.SIGKILL)
        said, _ = job.communicate(timeout=120)
        assert job.returncode == (-signal.SIGKILL if kill else 0), said
        assert not kept & {body["messages"][-1]["content"] for body in server.requests[begun:]}
    assert kept or not after
    times = Counter(json.dumps(body["messages"]) for body in server.requests[first:])
    assert times.total() - len(times) <= 256 * len(after)  # a batch of rows asks for one part each, in one chunk
    return out


def test_parquet_and_the_same_bytes_again(tmp_path: Path) -> None:
    pl.DataFrame([RECORD, RECORD]).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "eng-hin.jsonl").write_text(
        "\n".join(json.dumps({"head": a, "entry": f"{a}\n{b}"}) for a, b in (("river", "नदी"), ("boat", "नाव")))
        + "\n{no"
    )
    given = ["--transform", "code_switched", "--from", "en", "--to", "hi", "--set", "switch=1"]
    given += ["--dictionary", str(tmp_path / "eng-hin.jsonl")]
    for name in ("one", "two"):
        result = CliRunner().invoke(main, ["instruct", str(tmp_path / "a.parquet"), str(tmp_path / name), *given])
        assert result.exit_code == 0, result.output
        assert "2 in = 2 written + 0 dropped + 0 failed" in result.output and "not_json 1" in result.output
    first, second = ((tmp_path / name / "instructions" / "000000.parquet").read_bytes() for name in ("one", "two"))
    assert first == second
    assert "नदी" in str(rows(tmp_path / "one" / "instructions")[0]["input"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--transform", "tacos"], "unknown transform 'tacos'; known: translated, okapi"),
        (["--transform", "okapi"], "okapi needs a language model: give --engine and --model"),
        (["--transform", "code_switched"], "code-switching needs --dictionary FILE"),
        (["--transform", "taco", "--set", "sead=1"], "the keys are max_tokens, naming"),
        (["--transform", "taco", "--set", "seed=x"], "no number"),
        (["--transform", "taco", "--set", "switch=nan"], "switch is nan"),
        (["--transform", "taco", "--to", "en"], "--from and --to are both eng_Latn"),
        (["--transform", "taco", "--to", "tlh"], "no name for language 'tlh'"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, given: list[str], message: str) -> None:
    file = write(tmp_path / "a.jsonl", [RECORD])
    result = CliRunner().invoke(
        main, ["instruct", str(file), str(tmp_path / "x"), "--from", "en", "--to", "hi", *given]
    )
    assert result.exit_code == 1 and message in " ".join(result.output.split()), result.output


def test_the_list_has_every_transform(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["instruct", "--list"])
    assert result.exit_code == 0 and all(name in result.output and takes(name) for name in LINES)
    assert len(LINES) == 23
