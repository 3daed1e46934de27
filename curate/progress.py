"""A progress bar over a Spark job, fed by accumulators: what is done, the rate, and the time left."""

from collections.abc import Callable
from typing import Any

from pyspark import SparkContext
from pyspark.util import InheritableThread
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Counters:
    """Counts that tasks add to and the driver reads while the job runs."""

    def __init__(self, context: SparkContext) -> None:
        self.records = context.accumulator(0)
        self.bytes = context.accumulator(0)

    def add(self, records: int, bytes_: int) -> None:
        self.records += records
        self.bytes += bytes_


def watch(
    title: str,
    console: Console,
    job: Callable[[], Any],
    *,
    total: int,
    done: Callable[[], int],
    note: Callable[[float], str],
) -> Any:
    """Run `job` in a thread and show how far `done` is from `total`; `note(seconds)` adds a rate. Returns its result."""
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["result"] = job()
        except BaseException as error:
            outcome["error"] = error

    thread = InheritableThread(target=work, daemon=True)
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=False) as bar:
        row = bar.add_task(title, total=max(1, total), note="")
        thread.start()
        while thread.is_alive():
            thread.join(0.25)
            bar.update(row, completed=done(), note=note(bar.tasks[0].elapsed or 0.0))
        if "error" not in outcome:
            bar.update(row, completed=max(1, total))
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]
