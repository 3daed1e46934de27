"""The job: each input file through the transforms, a batch of rows at a time, into Parquet shards.

in = written + dropped + failed, where a readable row counts once a transform. A file that is done is not read again by a
rerun, and nothing that an engine answered is paid for twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from curate.instruct.answers import Engines
from curate.instruct.reading import read_rows
from curate.page import failure_of, stable_id
from curate.plan import absolute, continued
from curate.recipe import RecipeError
from curate.runfolder import RunFolder, join, read_all_json, remove, walk, write_json
from curate.sheets import Sheets
from curate.sources import list_inputs
from curate.sources.record import Failure, InputError, Split
from curate.work import Unit
from filters.columns import FAILED, SOURCE
from translate.engine import whole_characters
from translate.instruct import build, needs, takes, verify_languages
from translate.transforms.records import kind_of, read_aligned, read_example, read_native
from translate.transforms.rows import Part, Row, Skipped, Source, Text
from translate.transforms.steps import Settings

BATCH = 256  # rows
MOST_ROUNDS = 400  # of asking; a conversation needs one an answer
_SAMPLE = 300  # characters
_SIDE = {"conversation": "source", "completion": "target", "backtranslation": "target"}  # language of a native text
_NAMES = ("id", "source_id", "transform", "model", "gold")
_COMMON = [*(pa.field(name, pa.string()) for name in _NAMES), pa.field("seed", pa.int64()), pa.field("source", SOURCE)]
_LABELS = pa.list_(pa.string())
_PARTS = ("instruction", "input", "output")
INSTRUCTIONS = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in _PARTS),
        pa.field("languages", pa.struct([(name, _LABELS) for name in _PARTS])),
        pa.field("loss", pa.struct([(name, pa.bool_()) for name in _PARTS])),
        *_COMMON,
    ]
)
CONVERSATIONS = pa.schema(
    [
        pa.field("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        pa.field("languages", pa.list_(_LABELS)),  # a list a message
        pa.field("loss", pa.list_(pa.bool_())),
        *_COMMON,
    ]
)
TEXTS = pa.schema([pa.field("text", pa.string()), pa.field("languages", _LABELS), *_COMMON])
DROPPED = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "transform", "reason", "detail", "sample")),
        pa.field("source", SOURCE),
    ]
)


@dataclass(frozen=True)
class Transfer:
    """What is made of which files. `key`: what the output depends on."""

    inputs: tuple[str, ...]
    output: str
    transforms: tuple[str, ...]
    settings: Settings
    key: Mapping[str, Any]
    engines: Engines | None = None


@dataclass(frozen=True)
class _Task:
    source: Source
    transform: str
    offset: int


def run(job: Transfer) -> dict[str, Any]:
    """Make the data; returns the account, which lies in the output folder as manifest.json too."""
    folder = RunFolder(absolute(job.output))
    files = list_inputs(job.inputs)
    if other := next((file for file in files if file.format not in ("jsonl", "parquet")), None):
        raise InputError(f"{other.path}: of format {other.format}; instruct reads jsonl, parquet")
    splits = [Split(file=file.path, format=file.format, bytes=file.bytes) for file in files if file.bytes]
    stored, commits = join(folder.root, "_plan.json"), join(folder.root, "_commits")
    units = continued(folder, stored, dict(job.key), splits, 0)
    plan = [[{"file": s.file, "format": s.format, "bytes": s.bytes} for s in unit.splits] for unit in units]
    write_json(stored, {"measure": dict(job.key), "units": plan})
    done = {commit["unit"] for commit in read_all_json(commits) if not commit["unanswered"]}
    for unit in units:
        if unit.index not in done:
            write_json(join(commits, f"{unit.index:06d}.json"), make_unit(unit, job, folder.root))
    return _account(folder, job)


def make_unit(unit: Unit, job: Transfer, root: str) -> dict[str, Any]:
    """One unit's shards, which depend on it and the answers alone; returns the commit record that publishes them."""
    counts = {name: Counter[str]() for name in ("tried", "written", "rows", "dropped", "failed")}
    with Sheets(root, f"{unit.index:06d}.parquet") as sheets:
        for split in unit.splits:
            rows = read_rows(split)
            while batch := list(islice(rows, BATCH)):
                _batch(batch, split.file, job, counts, sheets)
    unanswered = sum(count for reason, count in counts["dropped"].items() if reason.endswith("_unanswered"))
    sums = {name: dict(sorted(count.items())) for name, count in counts.items()}
    return {"unit": unit.index, "files": sheets.files, "unanswered": unanswered, **sums}


def _batch(batch: list[Any], file: str, job: Transfer, counts: dict[str, Counter[str]], sheets: Sheets) -> None:
    tasks, skipped = [], []
    for item in batch:
        if isinstance(item, Failure):
            counts["failed"][item.reason] += 1
            sheets.add("failed", [failure_of(file, item.offset, None, item.reason, item.error)], FAILED)
            continue
        for transform in job.transforms:
            counts["tried"][transform] += 1
            source = _source(item[1], transform, job.settings, stable_id(file, item[0]))
            if isinstance(source, Skipped):
                skipped.append((item[0], Skipped(source.source_id, transform, source.reason), "", ""))
            else:
                tasks.append(_Task(source, transform, item[0]))
    answers, models = _answers(tasks, job)
    made = [(task, build(task.source, task.transform, job.settings, answers)) for task in tasks]
    rows = [row for _, each in made if not isinstance(each, Skipped) for row in each]
    problems = iter(verify_languages(rows))
    for task, each in made:
        place = {"file": file, "offset": task.offset}
        if isinstance(each, Skipped):
            skipped.append((task.offset, *_why(each, task, job, answers)))
            continue
        found = [(row, problem) for row in each for problem in next(problems)]
        if found:
            row, wrong = found[0]
            detail = f"{wrong.part}: {wrong.claimed}, but {wrong.found}"
            reason = Skipped(task.source.id, task.transform, wrong.kind)
            skipped.append((task.offset, reason, detail, row.fields[wrong.field].text[:_SAMPLE]))
            continue
        counts["written"][task.transform] += 1
        counts["rows"][task.transform] += len(each)
        for row in each:
            _write(row, place, models.get(task), job.settings.seed, sheets)
    for offset, one, detail, sample in skipped:
        counts["dropped"][one.reason] += 1
        dropped: dict[str, Any] = {
            "id": one.source_id,
            "transform": one.transform,
            "reason": one.reason,
            "detail": detail,
        }
        dropped |= {"sample": whole_characters(sample), "source": {"file": file, "offset": offset}}
        sheets.add("dropped", [dropped], DROPPED)


def _source(record: Mapping[str, Any], transform: str, settings: Settings, id: str) -> Source | Skipped:
    given = record.get("id")
    name = whole_characters(given) if isinstance(given, str) and given else id
    kind, wanted = kind_of(record), takes(transform)
    if kind not in wanted:
        return Skipped(name, transform, f"no_{'_or_'.join(wanted)}")
    if kind == "example":
        return read_example(record, id=name, language=settings.source)
    if kind == "aligned":
        return read_aligned(record, id=name, source=settings.source, target=settings.target)
    switching = settings.dictionary.source if settings.dictionary else settings.source
    side = _SIDE.get(transform)
    language = switching if side is None else settings.target if side == "target" else settings.source
    return read_native(record, id=name, language=language)


def _answers(tasks: list[_Task], job: Transfer) -> tuple[dict[Part, str | None], dict[_Task, str]]:
    """What the engine makes of all that the tasks ask for, round by round; the model of those that asked."""
    answers: dict[Part, str | None] = {}
    models: dict[_Task, str] = {}
    if job.engines:
        job.engines.why.clear()
    for _ in range(MOST_ROUNDS):
        wanted = {task: needs(task.source, task.transform, job.settings, answers) for task in tasks}
        parts = list(dict.fromkeys(part for each in wanted.values() for part in each))
        if not parts:
            break
        if job.engines is None:
            asking = next(task.transform for task, each in wanted.items() if each)
            raise RecipeError(f"{asking} needs a language model: give --engine and --model")
        models |= {task: job.engines.engine.identity.model for task, each in wanted.items() if each}
        answers |= job.engines.made(parts)
        tasks = [task for task, each in wanted.items() if each]
    return answers, models


def _why(skipped: Skipped, task: _Task, job: Transfer, answers: Mapping[Part, str | None]) -> tuple[Skipped, str, str]:
    """With the reason of the part that failed, where one did."""
    if not skipped.reason.startswith("failed_") or job.engines is None:
        return skipped, "", ""
    steps = _failing(task, job, answers)
    part = next(steps, None)
    if part is None:
        return skipped, "", ""
    reason = f"{part.kind}_{job.engines.why.get(part, 'empty')}"
    return Skipped(skipped.source_id, skipped.transform, reason), part.target, part.text[:_SAMPLE]


def _failing(task: _Task, job: Transfer, answers: Mapping[Part, str | None]) -> Iterator[Part]:
    """The parts of the task that no engine made: those asked for when the failed ones are taken away."""
    good = {part: text for part, text in answers.items() if text and text.strip()}
    yield from (part for part in needs(task.source, task.transform, job.settings, good) if part in answers)


def _write(row: Row | Text, place: Mapping[str, Any], model: str | None, seed: int, sheets: Sheets) -> None:
    record = row.record() | {"model": model, "seed": seed, "source": dict(place)}
    if isinstance(row, Text):
        sheets.add("texts", [_clean(record)], TEXTS)
    elif row.chat:
        sheets.add("conversations", [_clean(record)], CONVERSATIONS)
    else:
        sheets.add("instructions", [_clean(record)], INSTRUCTIONS)


def _clean(value: Any) -> Any:
    """Without lone surrogates, which Parquet can't hold."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value


def _account(folder: RunFolder, job: Transfer) -> dict[str, Any]:
    commits = read_all_json(join(folder.root, "_commits"))
    published = {name for commit in commits for name in commit["files"]}
    for path in walk(folder.root, ".parquet"):
        name = folder.relative(path)
        if name.split("/")[0] != "memory" and name not in published:
            remove(path)
    sums = {name: Counter[str]() for name in ("tried", "written", "rows", "dropped", "failed")}
    for commit in commits:
        for name, count in sums.items():
            count.update(commit[name])
    total = sums["tried"].total() + sums["failed"].total()
    if total != sum(sums[name].total() for name in ("written", "dropped", "failed")):
        raise AssertionError(f"{total} in, but {sums}")
    account = {**job.key, "in": total, **{name: dict(count) for name, count in sums.items()}}
    account["asked"] = job.engines.asked if job.engines else 0
    write_json(folder.manifest, account, indent=1)
    return account
