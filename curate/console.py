"""The terminal that the commands share: one console, groups of commands whose errors are one line, and strangers' text."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import click
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.manifest import AccountingError
from curate.report.markup import shorten, visible
from curate.report.words import language
from curate.session import log_file

OURS = ("curate", "filters", "thresholds", "translate", "__main__")  # the last: python -m curate.cli

console = Console()


class Commands(click.Group):
    """Commands in the order of work, not of the alphabet; user errors as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, AccountingError) as error:  # RecipeError, TableError, InputError, ModelError
            if not _is_ours(error):
                raise
            raise click.ClickException(str(error)) from None
        except (PySparkException, Py4JError) as error:
            raise click.ClickException(_cause(error)) from None
        except OSError as error:
            raise click.ClickException(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")) from None


def _is_ours(error: BaseException) -> bool:
    """A ValueError that our own code raised speaks to the user; one from a library is a bug and shows its traceback."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    raised_in = frame.tb_frame.f_globals.get("__name__", "") if frame else ""
    return raised_in.split(".")[0] in OURS


def _cause(error: Exception) -> str:
    """The exception at the bottom of a failed Spark job, Python's or the JVM's, in a line."""
    text = str(error)
    python = re.findall(r"^(?!org\.|java\.|py4j\.)(?:\w+\.)*\w*(?:Error|Exception|Exit)\b.*$", text, re.M)
    java = re.findall(r"^Caused by: (?:\w+[.$])*(.+)$", text, re.M)
    line = python[-1] if python else java[-1] if java else text.strip().splitlines()[0]
    return f"the run stopped: {line[:500]}; run the same command again to go on (Spark's log: {log_file()})"


def plain_table(*columns: str, left: int = 1) -> Table:
    """A table without lines; the first `left` columns are words, the others figures."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for n, name in enumerate(columns):
        table.add_column(Text(name), justify="left" if n < left else "right", no_wrap=n >= left)
    return table


def language_cell(label: str) -> Text:
    """`hin_Deva Hindi`, on one line."""
    return Text(one_line(label, 16), no_wrap=True, overflow="ellipsis").append(f" {language(label)}", style="dim")


def one_line(text: str, limit: int) -> str:
    """A stranger's text on one line, without what could act on the terminal, cut to `limit` characters."""
    return shorten(visible(" ".join(text[: 8 * limit].split())), limit)


def by_reason(counts: Mapping[str, int], what: str = "") -> str:
    """`12 dropped (copied 5, empty 7)`: the sum, what it is of, and each reason where there is one."""
    named = ", ".join(f"{one_line(reason, 40)} {count:,}" for reason, count in sorted(counts.items()))
    return f"{sum(counts.values()):,}{what and f' {what}'}" + (f" ({named})" if named else "")


def marked(text: str, spans: Iterable[tuple[int, int]] = ()) -> Text:
    """A stranger's text, fit for a terminal, with its half-open `spans` (in order, without overlap) reversed."""
    shown, done = Text(), 0
    for start, end in spans:
        shown.append(visible(text[done:start]))
        shown.append(visible(text[start:end]), style="reverse")
        done = end
    return shown.append(visible(text[done:]))
