"""An engine that never pays twice: what was answered lies in a folder, under the hash of all that it depends on.

A chunk of answers is a file that appears when it is complete, so kill -9 loses at most the chunk in flight. What may be
answered otherwise later (a timeout, a server's trouble) is not kept, and is asked again by the next run.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.runfolder import join, open_parquet, publishing, remove_partial, unique, walk
from translate.engine import Answer, Engine, EngineError, Failure, Identity, Request, Result, content_key

CHUNK = 128  # requests between two writes
ANSWERS = pa.schema(
    [
        pa.field("key", pa.string()),  # translate.engine.content_key
        pa.field("text", pa.string()),  # null: a failure
        pa.field("finish", pa.string()),
        pa.field("prompt_tokens", pa.int64()),
        pa.field("completion_tokens", pa.int64()),
        pa.field("reason", pa.string()),  # of a failure that lasts
        pa.field("detail", pa.string()),
    ]
)


class Remembered:
    """The protocol of translate.engine over another engine. Memory: all answers of the folder.

    `paid` counts requests and tokens of this run; `progress` gets the number of requests after each chunk. EngineError
    where a whole chunk is not answered: there is no use in trying the rest.
    """

    def __init__(self, engine: Engine, folder: str, progress: Callable[[int], None] = lambda requests: None) -> None:
        self._engine, self._folder, self._progress = engine, folder, progress
        self.paid: Counter[str] = Counter()
        remove_partial(folder)
        self._known = {row["key"]: _result(row) for row in _rows(folder)}

    @property
    def identity(self) -> Identity:
        return self._engine.identity

    def count_tokens(self, requests: Sequence[Request]) -> list[int]:
        return self._engine.count_tokens(requests)

    def run(self, requests: Sequence[Request]) -> list[Result]:
        """Equal requests are asked once."""
        keys = [content_key(self.identity, request) for request in requests]
        pairs = zip(keys, requests, strict=True)
        todo = list({key: request for key, request in pairs if key not in self._known}.items())
        passing: dict[str, Result] = {}
        for start in range(0, len(todo), CHUNK):
            passing |= self._asked(todo[start : start + CHUNK])
        return [self._known.get(key) or passing[key] for key in keys]

    def close(self) -> None:
        self._engine.close()

    def _asked(self, chunk: Sequence[tuple[str, Request]]) -> dict[str, Result]:
        """Ask and keep; returns what is not kept."""
        results = self._engine.run([request for _, request in chunk])
        pairs = list(zip((key for key, _ in chunk), results, strict=True))
        passing: dict[str, Result] = {
            key: result for key, result in pairs if isinstance(result, Failure) and result.passing
        }
        lasting = {key: result for key, result in pairs if key not in passing}
        self._keep(lasting)
        self.paid["requests"] += len(lasting)
        if not lasting and (len(chunk) == CHUNK or not self.paid["requests"]):
            raise EngineError(_gone([result for result in results if isinstance(result, Failure)]))
        self._progress(len(chunk))
        return passing

    def _keep(self, results: dict[str, Result]) -> None:
        if not results:
            return
        for result in results.values():
            if isinstance(result, Answer):
                self.paid["prompt_tokens"] += result.prompt_tokens
                self.paid["completion_tokens"] += result.completion_tokens
        rows = [_row(key, result) for key, result in results.items()]
        path = join(self._folder, f"{time.time_ns() // 1_000_000}-{unique()}.parquet")
        with publishing(path) as file:
            pq.write_table(pa.Table.from_pylist(rows, ANSWERS), file, compression="zstd")
        self._known |= results


def _rows(folder: str) -> Iterator[dict[str, Any]]:
    for path in walk(folder, ".parquet"):
        with open_parquet(path) as parquet:
            for batch in parquet.iter_batches():
                yield from batch.to_pylist()


def _row(key: str, result: Result) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"key": key, "reason": result.reason, "detail": result.detail}
    tokens = {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens}
    return {"key": key, "text": result.text, "finish": result.finish, **tokens}


def _result(row: dict[str, Any]) -> Result:
    if row["reason"]:
        return Failure(row["reason"], row["detail"])
    return Answer(row["text"], row["finish"], row["prompt_tokens"], row["completion_tokens"])


def _gone(failures: Sequence[Failure]) -> str:
    why = ", ".join(f"{reason} {count:,}" for reason, count in Counter(one.reason for one in failures).most_common())
    return f"the engine answered none of {len(failures):,} requests ({why}: {failures[-1].detail}); run again to go on"
