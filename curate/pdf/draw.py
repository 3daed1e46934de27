"""Pages of a finished run drawn with their boxes, for `curate inspect --pages`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import xxhash

from curate.page_image import draw
from curate.pdf.bodies import Body, bodies
from curate.pdf.documents import PageSettings, page_of, reasons_of
from curate.pdf.genres import genre_of
from curate.recipe import MIB, Recipe, RecipeError, tuples, without_none
from curate.runfolder import RunFolder, open_parquet, read_json, walk
from curate.sources.listing import PAGES_SUFFIX, detect_format
from curate.sources.record import Split
from filters.guard import Guard
from filters.pdf import tasks as pdf_tasks
from thresholds.page_rules import PageRules, explain

DPI = 100  # of the picture behind the boxes


def draw_pages(
    folder: RunFolder, output: Path, *, reason: str | None, language: str | None, limit: int
) -> list[tuple[Path, str]]:
    """An SVG a page, and why it was dropped; RecipeError, naming the reasons there are, where none is chosen."""
    recipe = Recipe.model_validate(tuples(without_none(read_json(folder.manifest)["recipe"])), strict=False)
    settings = PageSettings(PageRules.load(recipe.pdf.cutoffs), recipe.pdf.genres)
    known: Counter[str] = Counter()
    chosen = []
    for row, reasons in _rows(folder, settings):
        first = reasons[0] if reasons else "kept"
        known[first] += 1
        if (reason is None or reason in (reasons or ["kept"])) and language in (None, row["language"]):
            chosen.append((row, reasons))
        if len(chosen) == limit:
            break
    if not chosen:
        names = ", ".join(f"{name} ({count:,})" for name, count in known.most_common())
        raise RecipeError(f"{folder.root}: no page for that; its reasons: {names or 'none, it holds no pages'}")
    output.mkdir(parents=True, exist_ok=True)
    with Guard(pdf_tasks, timeout=recipe.pdf.page_seconds, memory=recipe.pdf.memory_mb * MIB) as guard:
        return [_drawn(row, reasons, output, guard, recipe, settings) for row, reasons in chosen]


def _rows(folder: RunFolder, settings: PageSettings) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for path in walk(folder.pages, PAGES_SUFFIX):
        with open_parquet(path) as parquet:
            for batch in parquet.iter_batches(batch_size=64):
                yield from zip(batch.to_pylist(), reasons_of(batch, settings), strict=True)


def _drawn(
    row: dict[str, Any], reasons: list[str], output: Path, guard: Guard, recipe: Recipe, settings: PageSettings
) -> tuple[Path, str]:
    why = [_explained(reason, row, settings) for reason in reasons]
    path = output / f"{xxhash.xxh3_64_hexdigest(row['id'].encode())}-{row['page']:05d}.svg"  # never the id itself
    draw(page_of(row), _picture(row, guard, recipe), reasons=why, signals=row["signals"] or {}, path=path)
    return path, "; ".join(why) or "kept"


def _explained(reason: str, row: dict[str, Any], settings: PageSettings) -> str:
    genre = genre_of(row["name"], settings.genres)
    rule = next((rule for rule in settings.rules.of(row["language"], genre) if rule.reason == reason), None)
    value = (row["signals"] or {}).get(rule.metric) if rule else None
    return explain(rule, value) if rule and value is not None else reason


def _picture(row: dict[str, Any], guard: Guard, recipe: Recipe) -> bytes | None:
    """PNG of the page; None where the PDF is no longer there, or cannot be rendered."""
    with ExitStack() as stack:
        body = _body(row, recipe, stack)
        outcome = body and guard.call("picture", path=body.path, number=row["page"] - 1, dpi=DPI)
    return outcome.body if outcome else None


def _body(row: dict[str, Any], recipe: Recipe, stack: ExitStack) -> Body | None:
    source = row["source"]
    found = bodies(Split(file=source["file"], format=detect_format(source["file"])), limit_bytes=recipe.pdf.file_bytes)
    stack.callback(found.close)  # type: ignore[attr-defined]
    return next((body for body in found if isinstance(body, Body) and body.offset == source["offset"]), None)
