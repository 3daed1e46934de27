"""Pages in several languages: measured, and where the recipe says so split into a document a language."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa

from curate.forgotten import Forgotten
from curate.page import Page, alive, blank, id_of
from filters.codemix import Mixture, Part, mixtures, parts
from filters.columns import LANGUAGE, LANGUAGES

Identify = Callable[[pa.StringArray], pa.StructArray]
Batch = tuple[list[Page], pa.StringArray, pa.StructArray, list[Mixture]]


def measured(pages: list[Page], texts: pa.StringArray, found: pa.StructArray, *, model: str) -> Batch:
    """The pages with what each text is made of; of those that are dropped unmeasured, nothing."""
    return pages, texts, found, mixtures(alive(pages, texts), model=model)


def split(batch: Batch, *, model: str, identify: Identify, forgotten: Forgotten) -> Batch:
    """The same, a page in several languages as a page a language.

    The part in the language with most text keeps the page's id, the others have it with #1, #2 in the order of the
    page. A page that something objects to stays whole.
    """
    pages, texts, found, mixed = batch
    found_parts = parts(alive(pages, texts), [mine.lines for mine in mixed], model=model)
    apart = {row: each for row, each in enumerate(found_parts) if each and pages[row].objection is None}
    if not apart:
        return batch
    new = [(row, number, part.text) for row, each in apart.items() for number, part in _numbered(each)]
    new_pages = [_part(pages[row], number, forgotten) for row, number, _ in new]
    new_texts = pa.array(
        [None if page.reason else text for page, (_, _, text) in zip(new_pages, new, strict=True)], pa.string()
    )
    whole = [row for row in range(len(pages)) if row not in apart]
    kept = pa.array(whole, pa.int64())
    return (
        [*(pages[row] for row in whole), *new_pages],
        pa.concat_arrays([texts.take(kept), new_texts]),
        pa.concat_arrays([found.take(kept), identify(new_texts)]).cast(LANGUAGE),
        [*(mixed[row] for row in whole), *mixtures(new_texts, model=model)],
    )


def _numbered(found: Sequence[Part]) -> list[tuple[int, Part]]:
    longest = max(range(len(found)), key=lambda at: len(found[at].text))
    others = iter(range(1, len(found)))
    return [(0 if at == longest else next(others), part) for at, part in enumerate(found)]


def _part(page: Page, number: int, forgotten: Forgotten) -> Page:
    part = replace(page, part=number)
    if number and forgotten.holds(id_of(part), None):
        blank(part)
    return part


def languages(mixed: Sequence[Mixture]) -> pa.Array:
    """`filters.columns.LANGUAGES` of each document; null without words."""
    rows = [
        [{"language": name, "share": share} for name, share in each.languages]
        if each.code_mixing_index is not None
        else None
        for each in mixed
    ]
    return pa.array(rows, LANGUAGES)


def index(mixed: Sequence[Mixture]) -> pa.DoubleArray:
    return pa.array([each.code_mixing_index for each in mixed], pa.float64())
