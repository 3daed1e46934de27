"""Texts to tokens in processes of their own: `python -m train.stream.encoder` reads texts and writes ids over pipes.

No torch there and no fork here; a process ends when its pipe does, so that none outlives a training that was killed.
"""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

import numpy as np
import xxhash
from tokenizers import Tokenizer

from train.recipe import TrainError


class Encoder:
    """A tokenizer on `workers` processes; on 0 in this one. Results do not depend on the number."""

    def __init__(self, tokenizer: Any, workers: int) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise TrainError("data: a fast tokenizer is wanted (tokenizer.json)")
        if tokenizer.eos_token_id is None:
            raise TrainError("data: the tokenizer has no end of text (eos_token), by which a model learns to stop")
        ids = tokenizer("a")["input_ids"]
        self.prefix = ids[:1] if ids and ids[0] == tokenizer.bos_token_id else []  # where the tokenizer itself adds it
        self.suffix = [tokenizer.eos_token_id]
        self._json = tokenizer.backend_tokenizer.to_str()
        self.fingerprint = xxhash.xxh3_64_hexdigest(f"{self._json}{self.prefix}{self.suffix}".encode())
        self._local = threading.local()
        self._workers = workers
        self._inner = _load(self._json) if not workers else None
        self._threads = ThreadPoolExecutor(max(1, workers))
        self._processes: list[subprocess.Popen[bytes]] = []

    def submit(self, texts: Sequence[str]) -> "Future[list[np.ndarray]]":
        """Tokens of each text, with the marks at its ends."""
        return self._threads.submit(self._encode, texts)

    def _encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        found = self._remote(texts) if self._workers else _ids(self._inner, texts)
        return [np.array([*self.prefix, *ids, *self.suffix], np.int32) for ids in found]

    def _remote(self, texts: Sequence[str]) -> list[np.ndarray]:
        if not hasattr(self._local, "process"):
            self._local.process = self._start()
        process = self._local.process
        try:
            _send(process.stdin, json.dumps(list(texts)).encode())
            counts = np.frombuffer(_receive(process.stdout), np.int64)
            return np.split(np.frombuffer(_receive(process.stdout), np.int32), np.cumsum(counts)[:-1])
        except (OSError, EOFError):
            raise TrainError(f"data: a tokenising process ended (exit code {process.wait()})") from None

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "train.stream.encoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "TOKENIZERS_PARALLELISM": "false",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
        )
        self._processes.append(process)
        _send(process.stdin, self._json.encode())
        return process

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
            process.wait()


def _load(text: str) -> Any:
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "</s>" in a web page is text, not the end of one
    return tokenizer


def _ids(tokenizer: Any, texts: Sequence[str]) -> list[np.ndarray]:
    return [np.array(each.ids, np.int32) for each in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _send(pipe: IO[bytes] | None, data: bytes) -> None:
    assert pipe
    pipe.write(struct.pack("<q", len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> bytes:
    assert pipe
    head = pipe.read(8)
    data = pipe.read(struct.unpack("<q", head)[0]) if len(head) == 8 else b""
    if len(head) < 8 or len(data) < struct.unpack("<q", head)[0]:
        raise EOFError
    return data


def main() -> None:
    tokenizer = _load(_receive(sys.stdin.buffer).decode())
    while True:
        try:
            texts = json.loads(_receive(sys.stdin.buffer))
        except EOFError:
            return
        found = _ids(tokenizer, texts)
        _send(sys.stdout.buffer, np.array([len(ids) for ids in found], np.int64).tobytes())
        _send(sys.stdout.buffer, np.concatenate(found).tobytes())


if __name__ == "__main__":
    main()
