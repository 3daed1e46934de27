"""Conversations from Parquet and JSON lines: `messages`, or an instruction with its answer."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from train.recipe import TrainError
from train.stream.shards import find

ROLES = ("system", "user", "assistant", "tool")
_WANTED = "a row has `messages` (a list of role and content), or `instruction`, `output` and perhaps `input`"


@dataclass(frozen=True, slots=True)
class Message:
    """loss: whether what it says is to be learned; only the assistant's is."""

    role: str
    content: str
    loss: bool


def conversations(paths: Sequence[str]) -> Iterator[tuple[Message, ...] | str]:
    """Each row's conversation, or the reason why it is none: "malformed" or "no_assistant". Raises TrainError.

    A column `loss` (a list beside `messages`, as `curate instruct` writes it) turns single answers off.
    """
    for path in find(paths):
        try:
            for row in _parquet(path) if path.endswith(".parquet") else _lines(path):
                yield "malformed" if row is None else _conversation(row)
        except (OSError, EOFError, pa.ArrowException) as error:
            raise TrainError(f"{path}: cannot be read: {error}") from None


def _parquet(path: str) -> Iterator[Mapping[str, Any]]:
    with pq.ParquetFile(path) as file:
        known = {"messages", "loss", "instruction", "input", "output"} & set(file.schema_arrow.names)
        if not {"messages", "output"} & known:
            raise TrainError(f"{path}: the columns are {', '.join(file.schema_arrow.names)}; {_WANTED}")
        for batch in file.iter_batches(1024, columns=sorted(known)):
            yield from batch.to_pylist()


def _lines(path: str) -> Iterator[Mapping[str, Any] | None]:
    """A row a line; None for one that is no JSON object."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        for line in file:
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError:
                    row = None
                yield row if isinstance(row, dict) else None


def _conversation(row: Mapping[str, Any]) -> tuple[Message, ...] | str:
    messages = _messages(row) if row.get("messages") is not None else _alpaca(row)
    if messages is None:
        return "malformed"
    return messages if any(message.loss for message in messages) else "no_assistant"


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...] | None:
    given, losses = row["messages"], row.get("loss")
    if not isinstance(given, list) or (isinstance(losses, list) and len(losses) != len(given)):
        return None
    found = []
    for at, message in enumerate(given):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return None
        content = message.get("content")
        if not isinstance(content, str):
            return None
        wanted = bool(losses[at]) if isinstance(losses, list) else True
        found.append(Message(message["role"], content, message["role"] == "assistant" and wanted and bool(content)))
    return tuple(found)


def _alpaca(row: Mapping[str, Any]) -> tuple[Message, ...] | None:
    instruction, given, output = row.get("instruction"), row.get("input") or "", row.get("output")
    if not isinstance(instruction, str) or not isinstance(given, str) or not isinstance(output, str):
        return None
    question = f"{instruction}\n\n{given}" if given else instruction
    return Message("user", question, False), Message("assistant", output, bool(output))


def none_usable(paths: Sequence[str]) -> TrainError:
    """No row of the files can be used."""
    return TrainError(f"sft.paths: no conversation in {', '.join(paths)}: {_WANTED}")
