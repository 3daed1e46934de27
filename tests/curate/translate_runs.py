"""`curate translate` run by tests, with a real server, and what it leaves."""

import json
from pathlib import Path
from typing import Any

import polars as pl
from aiohttp import web
from click.testing import CliRunner, Result

from curate.cli import main
from curate.runfolder import read_json
from tests.translate.llm_server import LanguageServer, completion

# A server that echoes translates nothing; what it does to a text is looked at, not whether it is Hindi
ACCEPTED = ("copied", "partly_copied", "wrong_script", "wrong_language", "unfinished")


def asked(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def echo(body: dict[str, Any], n: int) -> web.StreamResponse:
    return completion(asked(body))


def translate(server: LanguageServer, *given: str, to: str = "hin_Deva") -> Result:
    accepted = [part for name in ACCEPTED for part in ("--accept", name)]
    command = ["translate", "--timeout", "20", *given, "--from", "eng_Latn", "--to", to]
    engine = ["--engine", server.url, "--model", "one"]
    return CliRunner().invoke(main, [*command, *engine, *accepted], catch_exceptions=False)


def jsonl(path: Path, *texts: str) -> str:
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def written(output: Path, label: str = "hin_Deva") -> dict[str, str]:
    rows = pl.read_parquet(str(output / label / "*.parquet"), hive_partitioning=False)
    return dict(zip(rows["id"], rows["text"], strict=True))


def account(output: Path) -> dict[str, Any]:
    return dict(read_json(str(output / "manifest.json")))
