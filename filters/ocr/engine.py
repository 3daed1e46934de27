"""What an OCR engine is to the rest: a grey or RGB image in, lines of words with boxes and confidences out."""

from collections.abc import Container
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from filters.pdf.layout.paragraphs import spaceless
from filters.pdf.page import Box, Line, Word, enclosing

Image = NDArray[np.uint8]  # (height, width) grey or (height, width, 3) RGB
SMALLEST_SIDE = 10  # pixels; no character fits below it, and Tesseract fails on such images


class EngineError(Exception):
    """The engine could not read an image; the message is one line without any of the image's text."""


class MissingLanguageError(EngineError):
    """The engine has no model for a language; the message says what to install."""


class EngineTimeoutError(EngineError):
    """The engine took too long and was ended."""


class Engine(Protocol):
    """An OCR engine. Its models are loaded at the first call: make one object a process."""

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> Container[str]:
        """Labels (`hin_Deva`) it can read as it is installed."""

    def words(self, image: Image, languages: tuple[str, ...]) -> list[Line]:
        """The lines of the image, of one or more words each; boxes in pixels, confidences 0..1.

        Order is the engine's own. Words of a line are in reading order. Raises EngineError.
        """


def check_image(image: Image) -> None:
    """ValueError unless it is an image of 8 bits, grey or RGB."""
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(f"not a grey or RGB image of 8 bits: {image.dtype} {image.shape}")


def check_languages(engine: Engine, languages: tuple[str, ...]) -> None:
    """Raises MissingLanguageError for the first label that the engine can't read."""
    for label in languages:
        if label not in engine.languages:
            raise MissingLanguageError(f"{engine.name} has no model for {label}")


def grey(image: Image) -> Image:
    """Luma of RGB by ITU-R BT.601; a grey image as it is."""
    if image.ndim == 2:
        return image
    weighted = image[..., 0] * np.uint32(299) + image[..., 1] * np.uint32(587) + image[..., 2] * np.uint32(114)
    return (weighted // 1000).astype(np.uint8)


def join_words(words: list[Word]) -> str:
    """The text of a line: words with spaces between them where the script writes any."""
    text = ""
    for word in words:
        joined = not text or (spaceless(text[-1]) and spaceless(word.text[0]))
        text += word.text if joined else f" {word.text}"
    return text


def line_of(words: list[Word]) -> Line:
    """A line of `words`, of which there is at least one: as wide as they are together, as high as half of them.

    Of Nastaliq and of text askew Tesseract takes single words for twice their height, into the lines around.
    """
    around = enclosing([word.box for word in words])
    middle = median((word.box.y0 + word.box.y1) / 2 for word in words)
    height = median(word.box.y1 - word.box.y0 for word in words)
    box = Box(around.x0, middle - height / 2, around.x1, middle + height / 2)
    return Line(box, join_words(words), size=height, words=words)
