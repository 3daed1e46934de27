"""What `curate quality annotate` leaves: a table of scores, one file a chunk, and the account of every document."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.annotate.sample import Document
from curate.recipe import RecipeError
from curate.runfolder import exists, join, open_parquet, publishing, read_json, remove_partial, unique, walk, write_json
from translate.engine import PASSING

ANNOTATIONS = pa.schema(
    [
        pa.field("key", pa.string()),  # of text, prompt, model and parameters
        pa.field("id", pa.string()),
        pa.field("file", pa.string()),
        pa.field("language", pa.string()),  # hin_Deva
        pa.field("text", pa.string()),  # as the judge saw it
        pa.field("truncated", pa.bool_()),
        pa.field("score", pa.int32()),  # null: no score, see failure
        pa.field("reason", pa.string()),  # the judge's, for the score
        pa.field("failure", pa.string()),  # null: scored
        pa.field("detail", pa.string()),  # of the failure
        pa.field("model", pa.string()),
        pa.field("revision", pa.string()),
        pa.field("rubric", pa.string()),
        pa.field("rubric_version", pa.int32()),
        pa.field("prompt_language", pa.string()),
        pa.field("asked", pa.int32()),  # times
        pa.field("prompt_tokens", pa.int64()),  # of all times
        pa.field("completion_tokens", pa.int64()),
    ]
)
VERDICT = ("score", "reason", "failure", "detail", "asked", "prompt_tokens", "completion_tokens")


@dataclass(slots=True)
class Verdict:
    """What became of one question."""

    score: int | None = None
    reason: str | None = None
    failure: str | None = None
    detail: str | None = None
    asked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def passing(self) -> bool:
        """Whether the engine's trouble, not the text or the model, is why there is no score."""
        return self.failure in PASSING


@dataclass
class Outcome:
    """sampled = scored + failed (by reason) + unfinished (by reason), over all languages and in each."""

    sampled: Counter[str] = field(default_factory=Counter)  # documents by language
    scores: dict[str, Counter[int]] = field(default_factory=dict)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)  # (language, reason)
    unfinished: Counter[tuple[str, str]] = field(default_factory=Counter)  # a rerun asks again
    prompt_tokens: int = 0  # paid in this run
    completion_tokens: int = 0

    def add(self, document: Document, verdict: Verdict) -> None:
        self.sampled[document.language] += 1
        if verdict.score is not None:
            self.scores.setdefault(document.language, Counter())[verdict.score] += 1
        else:
            place = self.unfinished if verdict.passing else self.failed
            place[document.language, verdict.failure or ""] += 1

    def check(self) -> None:
        for language, sampled in self.sampled.items():
            scored = self.scores.get(language, Counter()).total()
            rest = sum(n for place in (self.failed, self.unfinished) for key, n in place.items() if key[0] == language)
            if sampled != scored + rest:
                raise AssertionError(f"{language}: {sampled} sampled, {scored} scored, {rest} without a score")

    def as_json(self) -> dict[str, Any]:
        def nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
            languages = sorted({language for language, _ in counts})
            return {a: {reason: n for (b, reason), n in sorted(counts.items()) if a == b} for a in languages}

        return {
            "sampled": dict(sorted(self.sampled.items())),
            "scored": {name: {str(s): n for s, n in sorted(of.items())} for name, of in sorted(self.scores.items())},
            "failed": nested(self.failed),
            "unfinished": nested(self.unfinished),
            "tokens_of_this_run": {"prompt": self.prompt_tokens, "completion": self.completion_tokens},
        }


@dataclass(frozen=True, slots=True)
class Folder:
    """annotations/*.parquet, one file a chunk; unfinished.parquet; settings.json and summary.json."""

    root: str

    def __post_init__(self) -> None:
        remove_partial(self.root)

    @property
    def annotations(self) -> str:
        return join(self.root, "annotations")

    @property
    def settings(self) -> str:
        return join(self.root, "settings.json")

    def check(self, settings: dict[str, Any]) -> None:
        """One folder, one judge: scores of two rubrics or models do not belong in one table. RecipeError otherwise."""
        path = self.settings
        if exists(path):
            other = read_json(path)
            for name in settings:
                if other.get(name) != settings[name]:
                    was, now = other.get(name), settings[name]
                    raise RecipeError(f"{self.root} holds scores with {name} {was!r}, not {now!r}; give another folder")

    def claim(self, settings: dict[str, Any]) -> None:
        write_json(self.settings, settings, indent=2)

    def verdicts(self) -> dict[str, Verdict]:
        """What was answered before, by key."""
        rows = self._rows("key", *VERDICT)
        return {row["key"]: Verdict(**{name: row[name] for name in VERDICT}) for row in rows}

    def written(self) -> set[tuple[str, str, str]]:
        """(key, id, file) of the rows that are there."""
        return {(row["key"], row["id"], row["file"]) for row in self._rows("key", "id", "file")}

    def _rows(self, *columns: str) -> Iterator[dict[str, Any]]:
        for path in walk(self.annotations, ".parquet"):
            with open_parquet(path) as parquet:
                for batch in parquet.iter_batches(columns=list(columns)):
                    yield from batch.to_pylist()

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Publish a chunk: all of it or, if killed, none."""
        if rows:
            _write(join(self.annotations, f"{time.time_ns() // 1_000_000}-{unique()}.parquet"), rows)

    def finish(self, unfinished: list[dict[str, Any]], outcome: Outcome) -> None:
        _write(join(self.root, "unfinished.parquet"), unfinished)
        write_json(join(self.root, "summary.json"), outcome.as_json(), indent=2)


def _write(path: str, rows: list[dict[str, Any]]) -> None:
    with publishing(path) as file:
        pq.write_table(pa.Table.from_pylist(rows, ANNOTATIONS), file, compression="zstd")
