"""What the guarded OCR process does: `recognise` an image of a page. The engines are loaded once a process."""

import json
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from filters.ocr.engine import Engine, MissingLanguageError
from filters.pdf import wire

KIND = "ocr"  # of process, in the reasons of failures: ocr_timeout ...


def recognise(body: bytes, *, engines: list[str], languages: list[str], models: str | None) -> bytes:
    """The page as the first engine reads it that knows one of the languages. The body is what pdf.tasks.render gives."""
    from filters.ocr.recognise import recognise as read_page  # Pillow is in an extra; only this process needs it

    head, _, pixels = body.partition(b"\n")
    sizes = json.loads(head)
    columns, rows = sizes["pixels"]
    image = np.frombuffer(pixels, np.uint8).reshape(rows, columns)
    engine, read = chosen(engines, languages, models)
    width, height = sizes["size"]
    page = read_page(image, engine=engine, languages=read, width=width, height=height)
    page.engine = engine.name
    return wire.dump(page)


def chosen(engines: list[str], languages: list[str], models: str | None) -> tuple[Engine, tuple[str, ...]]:
    """The first engine that reads any of the languages, and those it reads. Raises MissingLanguageError where none does."""
    found = [_engine(name, models) for name in engines]
    for engine in found:
        if read := tuple(label for label in languages if label in engine.languages):
            return engine, read
    raise MissingLanguageError(f"none of {', '.join(engines)} can read {', '.join(languages)} as installed here")


@lru_cache(maxsize=2)
def _engine(name: str, models: str | None) -> Engine:
    if name == "tesseract":
        from filters.ocr.tesseract import Tesseract

        return Tesseract()
    from filters.ocr.paddle import Paddle

    return Paddle(models)


TASKS: dict[str, Callable[..., bytes]] = {"recognise": recognise}


def check(**_: object) -> None:
    """All arguments are ours."""


def warm() -> None:
    """Engines are loaded by the first page: which, nobody knows before."""
