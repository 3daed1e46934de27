"""The translation job: documents whole again, a memory that is paid for once, damage recorded, resuming."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from rich.console import Console

from curate.cli import main
from curate.runfolder import read_json
from curate.translate.job import CHUNK, Translation, run
from curate.translate.memory import Memory
from curate.translate.work import Pair
from translate.echo import EchoEngine
from translate.engine import Answer, Engine, EngineError, Failure, Identity, Request, Result

SENTENCES = [
    "The old bridge was mended last week.",
    "Rain fell on 12 March 2026 for six hours.",
    "See https://river.example/gauge for the level of the water.",
    "मेले में सब लोग आए।",
    "Write `ls -la` in the terminal, then press Enter.",
    "子どもたちは歩いて学校に通います。",
    "The price is $12.50, not {price}.",
]


# An echo translates nothing; what it does to a text is looked at, not whether it is Hindi
UNTRANSLATED = ("copied", "partly_copied", "wrong_script", "wrong_language", "unfinished")


class Noisy(EchoEngine):
    """Damages some answers: the same ones every time, whatever they come with."""

    @property
    def identity(self) -> Identity:
        return Identity("noisy")

    def run(self, requests: Sequence[Request]) -> list[Result]:
        return [self._damaged(result) for result in super().run(requests)]

    def _damaged(self, result: Result) -> Result:
        assert isinstance(result, Answer)
        kind = random.Random(result.text).randrange(6)
        texts = {0: "", 1: result.text.replace("<1>", ""), 2: result.text + " <7>", 3: result.text.upper()}
        if kind == 4:
            return Failure("too_long", "of no use")
        return Answer(texts.get(kind, result.text), "length" if kind == 5 else "stop", 3, 3)


class Dying(EchoEngine):
    """Answers so many calls, then is gone."""

    def __init__(self, calls: int) -> None:
        super().__init__({"the": "la"})
        self.calls, self.asked = calls, 0

    @property
    def identity(self) -> Identity:
        return Identity("dying")

    def run(self, requests: Sequence[Request]) -> list[Result]:
        self.calls -= 1
        if self.calls < 0:
            raise EngineError("gone")
        self.asked += len(requests)
        return super().run(requests)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, draw = tmp_path_factory.mktemp("translate"), random.Random(7)
    rows = [
        {"id": str(n), "text": "\n\n".join(draw.sample(SENTENCES, 3)) + f"\n\nPage number {'x' * (n % 40)} ends."}
        for n in range(300)
    ]
    (folder / "a.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) + "{bad\n")
    return folder


@dataclass(frozen=True)
class Given:
    """The source of an engine that is there already."""

    engine: Engine

    def open(self) -> Engine:
        return self.engine


def job(
    corpus: Path, output: Path, engine: Any, *, fallback: Any = None, chunk: int = CHUNK, **pair: Any
) -> Translation:
    languages = Pair("eng_Latn", "hin_Deva", ("English", "Hindi"), **pair)
    memory = Memory(str(output / "memory"))
    second = Given(fallback) if fallback else None
    return Translation(
        (str(corpus / "a.jsonl"),), str(output), languages, Given(engine), memory, UNTRANSLATED, second, chunk=chunk
    )


def texts(output: Path, label: str = "hin_Deva") -> dict[str, str]:
    rows = pl.read_parquet(str(output / label / "*.parquet"), hive_partitioning=False)
    return dict(zip(rows["id"], rows["text"], strict=True))


def sources(corpus: Path) -> dict[str, str]:
    lines = (corpus / "a.jsonl").read_text().splitlines()[:-1]
    return {row["id"]: row["text"] for row in map(json.loads, lines)}


def test_an_echo_gives_the_source_and_each_span_is_asked_once(spark: Any, corpus: Path, tmp_path: Path) -> None:
    account = run(job(corpus, tmp_path / "out", EchoEngine()), spark, Console(quiet=True))
    assert texts(tmp_path / "out") == sources(corpus)
    assert account["in"] == 301 and account["failed"] == {"malformed": 1} and not account["untranslated"]
    memory = pl.read_parquet(str(tmp_path / "out" / "memory" / "*.parquet"))
    assert account["asked"]["spans"] == len(memory) == memory["source"].n_unique() < account["spans"] / 10


def test_words_change_and_protected_parts_do_not(spark: Any, corpus: Path, tmp_path: Path) -> None:
    engine = EchoEngine({"bridge": "पुल", "the": "la", "river": "nadi", "price": "dam"})
    run(job(corpus, tmp_path / "out", engine), spark, Console(quiet=True))
    found = texts(tmp_path / "out")
    wanted = {
        id_: text.replace("bridge", "पुल").replace("The price", "The dam") for id_, text in sources(corpus).items()
    }
    for id_, text in wanted.items():
        for word in (" the level of the ", " in the "):
            text = text.replace(word, word.replace("the", "la"))
        assert found[id_] == text, "https://river.example and {price} stay"


@pytest.mark.parametrize("on_failure", ["keep", "drop"])
def test_damaged_answers_are_found_and_recorded(spark: Any, corpus: Path, tmp_path: Path, on_failure: str) -> None:
    account = run(job(corpus, tmp_path / "out", Noisy(), on_failure=on_failure), spark, Console(quiet=True))
    memory = pl.read_parquet(str(tmp_path / "out" / "memory" / "*.parquet"))
    reasons = set(memory["reason"].drop_nulls())
    assert reasons >= {"empty", "stopped_by_length", "too_long"} and "placeholders" in reasons
    if on_failure == "keep":
        found = texts(tmp_path / "out")
        assert {id_: text.casefold() for id_, text in found.items()} == {
            id_: text.casefold() for id_, text in sources(corpus).items()
        }
        assert sum(account["untranslated"].values()) > 0 and account["written"] == 300
    else:
        assert sum(account["dropped"].values()) + account["written"] == 300 and not account["untranslated"]


def test_an_engine_that_dies_costs_the_chunk_in_flight(spark: Any, corpus: Path, tmp_path: Path) -> None:
    undisturbed = Dying(10**6)
    run(job(corpus, tmp_path / "whole", undisturbed, chunk=8), spark, Console(quiet=True))
    asked = 0
    for calls in (1, 2, 1, 10**6):
        engine = Dying(calls)
        if calls < 10**6:
            with pytest.raises(EngineError, match="gone"):
                run(job(corpus, tmp_path / "out", engine, chunk=8), spark, Console(quiet=True))
        else:
            run(job(corpus, tmp_path / "out", engine, chunk=8), spark, Console(quiet=True))
        asked += engine.asked
    assert texts(tmp_path / "out") == texts(tmp_path / "whole")
    assert asked == undisturbed.asked, "no span is paid for twice"


def test_a_second_corpus_pays_only_for_what_is_new(spark: Any, corpus: Path, tmp_path: Path) -> None:
    first = job(corpus, tmp_path / "out", EchoEngine())
    run(first, spark, Console(quiet=True))
    more = tmp_path / "more"
    more.mkdir()
    (more / "a.jsonl").write_text(
        json.dumps({"id": "new", "text": SENTENCES[0] + " Only this sentence is new."}) + "\n"
    )
    languages = Pair("eng_Latn", "hin_Deva", ("English", "Hindi"))
    second = Translation(
        (str(more),), str(tmp_path / "two"), languages, Given(EchoEngine()), first.memory, UNTRANSLATED
    )
    assert run(second, spark, Console(quiet=True))["asked"]["spans"] == 1


class Careless(EchoEngine):
    """Says more than the translation until it is told not to."""

    def run(self, requests: Sequence[Request]) -> list[Result]:
        told = ["An earlier answer was refused: preamble." in request.prompt[0].content for request in requests]  # type: ignore[union-attr]
        answers = super().run(requests)
        return [
            answer
            if first or not isinstance(answer, Answer)
            else Answer(f"Here is the translation:\n{answer.text}", "stop")
            for answer, first in zip(answers, told, strict=True)
        ]


def test_a_refused_answer_is_asked_for_once_more(spark: Any, corpus: Path, tmp_path: Path) -> None:
    account = run(job(corpus, tmp_path / "out", Careless()), spark, Console(quiet=True))
    memory = pl.read_parquet(str(tmp_path / "out" / "memory" / "*.parquet"))
    assert set(memory["asked"]) == {2} and account["asked"]["again"] == len(memory)
    assert texts(tmp_path / "out") == sources(corpus)


def test_the_command_translates_chat_records(spark: object, tmp_path: Path) -> None:
    chat = [
        {"messages": [{"role": "user", "content": "नमस्ते, what is 2+2?"}, {"role": "assistant", "content": "It is 4."}]}
    ]
    (tmp_path / "chat.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chat))
    given = ["translate", str(tmp_path / "chat.jsonl"), str(tmp_path / "out"), "--from", "eng_Latn", "--to", "tam_Taml"]
    result = CliRunner().invoke(main, [*given, "--engine", "echo", "--model", "echo", "--format", "chat"])
    assert result.exit_code == 0, result.output
    assert "documents  1 in = 1 written + 0 dropped + 0 failed" in result.output
    [text] = pl.read_parquet(str(tmp_path / "out" / "tam_Taml" / "*.parquet"))["text"]
    assert text == json.dumps(chat[0], ensure_ascii=False)
    assert read_json(str(tmp_path / "out" / "manifest.json"))["target"] == "tam_Taml"
    assert "1 left as they are (copied" in result.output, "the checks see that an echo of a sentence is no translation"
    result = CliRunner().invoke(main, [*given[:4], "klingon", *given[5:], "--engine", "echo", "--model", "echo"])
    assert result.exit_code == 1 and "is no language that is known here" in result.output
