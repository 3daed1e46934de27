"""`curate instruct`: data for cross-lingual transfer."""

import re
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from curate.cli_engine import opened
from curate.console import by_reason, console, plain_table
from curate.plan import absolute
from curate.recipe import RecipeError
from curate.resources import file_hash
from curate.runfolder import join
from curate.sources.opening import open_decompressed
from translate.dictionary import Dictionary, choose, parse
from translate.instruct import LINES, Settings, takes

_PAIR = re.compile(r"([A-Za-z]{2,3}(?:_[A-Za-z]{4})?)-([A-Za-z]{2,3}(?:_[A-Za-z]{4})?)(?=\.|$)")
_KEYS = ("max_tokens", "naming", "parts", "seed", "switch", "switched", "turns")
_SWITCHING = ("code_switched", "sdrrl_code_switched")


def _list(context: click.Context, _: click.Parameter, given: bool) -> None:
    if not given:
        return
    table = plain_table("transform", "of", "what it makes", left=3)
    for name, line in LINES.items():
        table.add_row(name, ", ".join(takes(name)), Text(line))
    console.print(table)
    context.exit()


@click.command("instruct")
@click.argument("inputs", metavar="IN...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option("--list", is_eager=True, is_flag=True, expose_value=False, callback=_list, help="The transforms.")
@click.option("--transform", "transforms", multiple=True, required=True, help="A transform's name; repeatable.")
@click.option("--from", "source", required=True, metavar="LANGUAGE", help="Of instruction data and of pages, as eng.")
@click.option("--to", "target", required=True, metavar="LANGUAGE", help="That rows are made in; of native texts.")
@click.option("--engine", "engine_name", help="An OpenAI-compatible server (http://host:8000/v1), vllm or seq2seq.")
@click.option("--model", help="The model's name at the server, or a folder or hub name.")
@click.option("--revision", default="", help="Of the model.")
@click.option("--key-variable", metavar="NAME", help="Environment variable that holds the server's key.")
@click.option("--concurrency", default=32, show_default=True, type=click.IntRange(1), help="Requests at once.")
@click.option("--timeout", default=120.0, show_default=True, type=click.FloatRange(0, min_open=True), help="Seconds.")
@click.option("--llm", "llm_options", multiple=True, metavar="KEY=VALUE", help="Options of vllm or seq2seq.")
@click.option(
    "--dictionary", "path", metavar="FILE", help="FreeDict's entries as JSONL, named after its pair: eng-hin."
)
@click.option("--memory", help="Folder of translations, shared with `curate translate`. Default: OUT/memory.")
@click.option(
    "--accept", "accepted", multiple=True, metavar="CHECK", help="A check of answers not to make; repeatable."
)
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help=f"{', '.join(_KEYS)}; parts are a,b.")
def instruct(
    inputs: tuple[str, ...], output: str, transforms: tuple[str, ...], source: str, target: str, **options: Any
) -> None:
    """Make instruction and pretraining data for cross-lingual transfer of JSONL and Parquet: instructions, aligned or
    native texts. `--list` shows the transforms. Run again to resume.
    """
    from curate.instruct.job import Transfer, run

    if unknown := next((name for name in transforms if name not in LINES), None):
        raise RecipeError(f"unknown transform {unknown!r}; known: {', '.join(LINES)}")
    values = _values(options["given"])
    most = int(values.pop("max_tokens", 1024))
    settings = Settings(source=source, target=target, **values)
    if settings.source == settings.target:
        raise RecipeError(f"--from and --to are both {settings.target}")
    if any(name in _SWITCHING for name in transforms):
        settings = Settings(source=source, target=target, **values, dictionary=_dictionary(options["path"], settings))
    root = output.rstrip("/")
    engines = _engines(options, root, most)
    identity = asdict(engines.engine.identity) if engines else None
    key: dict[str, Any] = {
        "transforms": list(dict.fromkeys(transforms)),
        "from": settings.source,
        "to": settings.target,
    }
    key |= {"settings": {name: _plain(value) for name, value in values.items()}, "max_tokens": most}
    used = settings.dictionary and file_hash(Path(options["path"]))
    key |= {"dictionary": used, "engine": identity, "accepted": list(options["accepted"])}
    _print(run(Transfer(inputs, root, tuple(key["transforms"]), settings, key, engines)))
    if engines:
        engines.engine.close()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _values(given: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in _KEYS:
            raise RecipeError(f"--set {pair!r}: write KEY=VALUE; the keys are {', '.join(_KEYS)}")
        try:
            values["translate" if name == "parts" else name] = _value(name, value)
        except ValueError:
            raise RecipeError(f"--set {pair!r}: no number") from None
    return values


def _value(name: str, value: str) -> Any:
    if name in ("parts", "switched"):
        return frozenset(filter(None, value.split(",")))
    if name == "naming":
        return value
    return float(value) if name == "switch" else int(value)


def _dictionary(path: str | None, settings: Settings) -> Dictionary:
    if not path:
        raise RecipeError("code-switching needs --dictionary FILE")
    pair = _PAIR.search(Path(path).name)
    source, target = pair.groups() if pair else (settings.source, settings.target)
    try:
        with open_decompressed(path) as file, TextIOWrapper(file, "utf-8", "replace") as lines:
            read = parse(lines, source=source, target=target)
    except EOFError:
        raise RecipeError(f"{path}: the file ends in the middle") from None
    why = ", ".join(f"{reason} {count:,}" for reason, count in sorted(read.broken.items()))
    console.print(Text(f"dictionary {len(read.words):,} words" + (f"; lines not read: {why}" if why else "")))
    return choose([read], settings.source, settings.target)


def _engines(options: dict[str, Any], root: str, max_tokens: int) -> Any:
    from curate.instruct.answers import Engines
    from curate.translate.asking import cutoffs
    from curate.translate.memory import Memory

    name, model = options["engine_name"], options["model"]
    if not name:
        return None
    if not model:
        raise RecipeError("--engine needs --model")
    names = ("key_variable", "concurrency", "timeout", "llm_options")
    engine = opened(name, model, options["revision"], **{each: options[each] for each in names})
    memory = Memory(absolute(options["memory"] or join(root, "memory")))
    return Engines(engine, memory, cutoffs(options["accepted"]), max_tokens)


def _print(account: dict[str, Any]) -> None:
    table = plain_table("transform", "tried", "written", "rows")
    for name, tried in account["tried"].items():
        table.add_row(name, f"{tried:,}", *(f"{account[each].get(name, 0):,}" for each in ("written", "rows")))
    console.print(table)
    dropped, failed = (by_reason(account[name]) for name in ("dropped", "failed"))
    written = sum(account["written"].values())
    console.print(Text(f"\n{account['in']:,} in = {written:,} written + {dropped} dropped + {failed} failed"))
