"""`python -m train.sft RECIPE`: supervised fine-tuning on conversations, the loss on what the assistant says.

    [sft]
    paths = ["data/instructions.jsonl", "runs/hindi-instruct/conversations/**/*.parquet"]
    epochs = 2.0
    texts = ["kept/hin_Deva/*.parquet"]      plain text mixed in,
    text_share = 0.1                         this share of the tokens

Conversations are packed side by side, none sees another. One that is longer than a pack is dropped, not cut: its answer
would end nowhere. What is dropped is counted by its reason.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from rich.console import Console
from transformers import PreTrainedTokenizerBase
from transformers import logging as transformers_logging

from train.chat.packs import Conversations, texts_spoken
from train.chat.rows import Message, conversations, none_usable
from train.chat.template import Spoken, TemplateRefusal, ends, speak, with_template
from train.folder import check_pair, context_of, load_model, load_tokenizer
from train.loop import fit
from train.optimisation.distributed import place, world
from train.optimisation.objective import Objective, verify
from train.optimisation.parameters import Prepared, Start, prepare
from train.optimisation.settings import Settings
from train.optimisation.writing import write_trained
from train.recipe import Run, TrainError, command, read
from train.stream.shards import texts as documents

TEMPLATE_BYTES = 1 << 16


class Sft(Settings):
    """[sft]"""

    paths: tuple[str, ...] = ()  # globs of Parquet or JSON lines: messages, or instruction, input, output
    texts: tuple[str, ...] = ()  # globs of plain text, mixed in so that the language is not unlearned
    text_share: float = Field(0.0, ge=0, lt=1)  # of all tokens
    epochs: float | None = Field(2.0, gt=0)  # over the conversations; none: `steps` says how long
    template: str | None = None  # "plain" or a file of Jinja; none: the tokenizer's own
    length: int = Field(2048, ge=8)  # tokens a pack
    model: str | None = None  # folder to start from; none: what the run's commands wrote last, else the base
    lr: float = 2e-5
    batch: int = 16
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Data:
    """What the conversations came to. end: the token that ends an answer."""

    spoken: list[Spoken]
    dropped: Counter[str]
    end: int | None


def work(recipe: str, settings: tuple[str, ...]) -> None:
    """Fine-tune on conversations; writes OUTPUT/sft."""
    run, section = read(recipe, "sft", Sft, settings)
    train(run, section, Console(stderr=True))


def train(run: Run, section: Sft, console: Console) -> Path:
    """Called in every process of torchrun; returns OUTPUT/sft. Raises TrainError."""
    where = world()
    torch.manual_seed(run.seed)
    source = Path(section.model) if section.model else run.before("sft", "embeddings", "cpt")
    context = context_of(source)
    if context is not None and section.length > context:
        raise TrainError(f"sft.length: {section.length:,} tokens, the model in {source} is made for {context:,}")
    tokenizer = with_template(load_tokenizer(source), _template(section.template))
    data = prepare_data(section, tokenizer)
    stream = Conversations(data.spoken, length=section.length, pad=_pad(tokenizer), seed=run.seed)
    steps = section.steps if section.epochs is None else math.ceil(stream.packs * section.epochs / section.batch)
    if where.first:
        _tell(data, stream, steps, console)

    def load() -> Prepared:
        model = load_model(source)
        check_pair(model, tokenizer, source)
        return prepare(model, section)

    prepared = load()
    verify(prepared.model)
    if where.device.type == "cuda":
        prepared.model.set_attn_implementation("flex_attention")
    objective = Objective(prepared.model, section.precision)
    place(objective, where)
    fit(
        objective,
        stream if where.first else None,
        section.model_copy(update={"steps": steps}),
        folder=run.folder("sft-run"),
        where=where,
        start=Start(prepared.model),
    )
    _end_with(prepared, data.end)
    write_trained(run.folder("sft"), prepared, load, tokenizer, where)
    return run.folder("sft")


def prepare_data(section: Sft, tokenizer: PreTrainedTokenizerBase) -> Data:
    """All conversations as tokens, in memory, with the plain text; what is dropped by its reason. Raises TrainError."""
    spoken: list[Spoken] = []
    dropped: Counter[str] = Counter()
    for found in conversations(section.paths):
        made = found if isinstance(found, str) else _spoken(found, tokenizer, section.length)
        if isinstance(made, str):
            dropped[made] += 1
        else:
            spoken.append(made)
    if not spoken:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(dropped.items()))
        raise TrainError(f"{none_usable(section.paths)}{f' (dropped: {reasons})' if reasons else ''}")
    end = ends(spoken[0], tokenizer)
    if section.text_share:
        tokens = sum(len(each.tokens) for each in spoken)
        wanted = round(tokens * section.text_share / (1 - section.text_share))
        spoken += texts_spoken(_plain(section, tokenizer), wanted, section.length)
    return Data(spoken, dropped, end)


def _spoken(messages: tuple[Message, ...], tokenizer: PreTrainedTokenizerBase, length: int) -> Spoken | str:
    try:
        found = speak(messages, tokenizer)
    except TemplateRefusal:
        return "template_refused"
    if found is None:
        return "template_rewrites"
    if not found.learned[1:].any():
        return "no_assistant"
    return "too_long" if len(found.tokens) > length else found


def _plain(section: Sft, tokenizer: PreTrainedTokenizerBase) -> Iterator[np.ndarray]:
    if not section.texts:
        raise TrainError("sft.text_share is given, sft.texts is not")
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    for text in documents(section.texts):
        yield np.array(tokenizer(text)["input_ids"] + end, np.int32)


def _template(given: str | None) -> str | None:
    if given is None or given == "plain":
        return given
    try:
        return Path(given).read_bytes()[:TEMPLATE_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"sft.template: {given}: {error}") from None


def _pad(tokenizer: PreTrainedTokenizerBase) -> int:
    """Any id serves: padding has no label and is seen by nobody."""
    return next((each for each in (tokenizer.pad_token_id, tokenizer.eos_token_id) if each is not None), 0)


def _end_with(prepared: Prepared, end: int | None) -> None:
    """Generation stops at the token that ends an answer, besides the one that ends texts."""
    generation = prepared.model.generation_config
    if end is None or generation is None:
        return
    known = generation.eos_token_id
    known = [] if known is None else [known] if isinstance(known, int) else list(known)
    generation.eos_token_id = known if end in known else [*known, end]


def _tell(data: Data, stream: Conversations, steps: int, console: Console) -> None:
    tokens = sum(len(each.tokens) for each in data.spoken)
    learned = sum(int(each.learned[1:].sum()) for each in data.spoken)
    waste = 1 - tokens / (stream.packs * stream.length)
    dropped = "".join(f", {reason} {count:,}" for reason, count in sorted(data.dropped.items()))
    total = sum(data.dropped.values())
    console.print(
        f"data       {len(data.spoken):,} conversations and texts, {total:,} dropped{dropped};"
        f" {tokens:,} tokens, {learned:,} to be learned; {stream.packs:,} packs, {waste:.1%} padding; {steps:,} steps"
    )


if __name__ == "__main__":
    transformers_logging.set_verbosity_error()
    command(work)()
