"""Conversations and instruction records: which strings are text, and how they are written again."""

import gzip
import json
from pathlib import Path

import pytest

from translate.document import Document


def _texts(record: object, format: str) -> list[str]:
    return [span.text for span in Document.parse(json.dumps(record, ensure_ascii=False), format).spans]  # type: ignore[arg-type]


def test_messages() -> None:
    call = '{"name": "search", "arguments": {"q": "words"}}'
    record = {
        "id": "abc",
        "messages": [
            {"role": "system", "content": "You are {{name}}."},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "नमस्ते **दुनिया**"}]},
            {"role": "assistant", "content": call, "tool_calls": [{"function": {"name": "a", "text": "no"}}]},
            {"content": "raw result", "role": "tool"},
            {"role": "user", "content": [{"type": "image_url", "text": "no"}]},
        ],
        "tools": [{"name": "x", "text": "no"}],
    }
    assert _texts(record, "chat") == ["You are <1>.", "नमस्ते <1>दुनिया</1>"]


def test_sharegpt_and_preferences() -> None:
    record = {
        "conversations": [{"from": "human", "value": "Hi. Again"}, {"from": "function_call", "value": "no"}],
        "chosen": {"from": "gpt", "value": "Good"},
        "rejected": "Bad",
    }
    assert _texts(record, "chat") == ["Hi.", "Again", "Good", "Bad"]


def test_instruction_records() -> None:
    record = {
        "id": "seed",
        "instruction": "Add {a}.",
        "instances": [{"input": "1", "output": "दो"}],
        "history": [["q", "r"]],
    }
    assert _texts(record, "instruction") == ["Add <1>.", "दो", "q", "r"]


@pytest.mark.parametrize(
    "source", ['{"input": "a \\u00e9\\/b"}', '{"input": "a \\u00E9"}', '{"input" :"a é"}', '\ufeff[{"input":\t"a"}]']
)
def test_strings_are_escaped_as_the_source_does(source: str) -> None:
    document = Document.parse(source, "instruction")
    assert document.rebuild([span.text for span in document.spans]) == source
    rebuilt = document.rebuild(['ê "/"'])
    assert json.loads(rebuilt.removeprefix("\ufeff")) in ({"input": 'ê "/"'}, [{"input": 'ê "/"'}])
    assert ("\\u00ea" in rebuilt, "\\u00EA" in rebuilt, "\\/" in rebuilt) == (
        "\\u00e9" in source,
        "\\u00E9" in source,
        "\\/" in source,
    )


def test_lone_surrogates_stay_escaped() -> None:
    document = Document.parse('{"input": "a \\ud800 b", "output": "é"}', "instruction")
    assert document.rebuild(["c \ud800", None]) == '{"input": "c \\ud800", "output": "é"}'


def test_places_are_those_of_the_source() -> None:
    source = '{"input": "\\u0928\\u0926\\u0940 \\"12 km\\".\\nNext \\ud83d\\ude00 one"}'
    first, second = Document.parse(source, "instruction").spans
    assert (first.text, second.text) == ('नदी "<1>".', "Next 😀 one")
    assert source[first.start : first.end] == '\\u0928\\u0926\\u0940 \\"12 km\\".'
    assert source[second.start : second.end] == "Next \\ud83d\\ude00 one"
    assert source[first.parts[0].start : first.parts[0].end] == "12 km"


def test_lines_of_records() -> None:
    source = '{"input": "one"}\r\n\n{"input": "two"}\n'
    document = Document.parse(source, "instruction")
    assert document.rebuild(["एक", "दो"]) == '{"input": "एक"}\r\n\n{"input": "दो"}\n'


@pytest.mark.parametrize(
    ("source", "problem"),
    [("{", "neither JSON"), ('{"a": 1}\n{"a"}', "line 2"), ("[" * 100_000 + "]" * 100_000, "nested too deeply")],
)
def test_what_is_no_json(source: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Document.parse(source, "chat")


@pytest.mark.shared
def test_real_instruction_files(shared: Path) -> None:
    for name in ("alpaca_zh_demo.json.gz", "self_instruct_seed_tasks.jsonl.gz"):
        with gzip.open(shared / "sft" / name, "rt", encoding="utf-8", newline="") as file:
            source = file.read()
        document = Document.parse(source, "instruction")
        assert len(document.spans) > 500
        assert document.rebuild([span.text for span in document.spans]) == source
