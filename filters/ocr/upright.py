"""Which way a page lies and how far it is askew, from its ink alone, and the turn between the two.

The projection of text on the axis across its lines is the most jagged one. Its energy of differences is Postl's
criterion (W. Postl, Detection of linear oblique structures and skew scan in digitized documents, ICPR 1986).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from filters.ocr.engine import Image

MAP_SIDE = 1200  # pixels of the longer side that ink is looked for on: 7 points a line still leave 5 pixels
_INK_PIXELS = 150_000  # more are thinned out
_CONTRAST = 24  # grey levels between paper and ink; less is blank
_MOST_SKEW = 10.0  # degrees
_COARSE, _FINE = 0.5, 0.1  # degrees
_LEAST_SKEW = 0.3  # degrees; turning by less costs more in sharpness than it gains
_GAIN = 1.1  # of the criterion over that of no turn at all
_CLEAR = 1.5  # the criterion of one direction over that of the other


class Lie(NamedTuple):
    """How text lies: `sideways` None where the ink doesn't say; degrees counter-clockwise that turn it straight."""

    sideways: bool | None
    skew: float  # with its lines taken as horizontal
    skew_sideways: float  # with its lines taken as vertical


def shrink(image: Image, side: int) -> Image:
    """The image with its longer side at most `side`, every pixel counted in; sides of 1 pixel at least."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(Picture.fromarray(image).resize(size, Picture.Resampling.BOX))


def _threshold(grey: Image) -> int:
    """Otsu's (N. Otsu, A threshold selection method from gray-level histograms, 1979)."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(float)
    below, mass = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / below[-1] - mass) ** 2 / (below * above)
    return int(np.nanargmax(np.where(np.isfinite(between), between, -1)))


def ink(grey: Image) -> NDArray[np.bool_] | None:
    """What is written on the page, dark on light or light on dark, reduced to MAP_SIDE; None: blank."""
    small = shrink(grey, MAP_SIDE)
    if int(small.max()) - int(small.min()) < _CONTRAST:
        return None
    dark = small <= _threshold(small)
    return dark if dark.mean() <= 0.5 else ~dark


def _points(ink: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Coordinates of the ink about the middle, whole numbers: halves would be rounded in pairs; y grows downwards."""
    rows, columns = np.nonzero(ink)
    step = -(-len(rows) // _INK_PIXELS)
    return columns[::step] - ink.shape[1] // 2, rows[::step] - ink.shape[0] // 2


def _jaggedness(along: NDArray[np.int64], across: NDArray[np.int64], degrees: float) -> float:
    angle = math.radians(degrees)
    projected = np.rint(across * math.cos(angle) - along * math.sin(angle)).astype(np.int64)
    counts = np.bincount(projected - projected.min()).astype(float)
    return float(np.sum(np.diff(counts, prepend=0, append=0) ** 2))


def _best(along: NDArray[np.int64], across: NDArray[np.int64]) -> tuple[float, float]:
    """(criterion, degrees counter-clockwise that straighten the lines)."""
    coarse = np.arange(-_MOST_SKEW, _MOST_SKEW + _COARSE / 2, _COARSE).tolist()
    near = max(coarse, key=lambda degrees: _jaggedness(along, across, degrees))
    fine = np.arange(near - _COARSE, near + _COARSE + _FINE / 2, _FINE).tolist()
    scores = [_jaggedness(along, across, degrees) for degrees in fine]
    best, straight = int(np.argmax(scores)), _jaggedness(along, across, 0)
    if abs(fine[best]) < _LEAST_SKEW or scores[best] < straight * _GAIN:
        return straight, 0.0
    return scores[best], fine[best]


def lie(ink: NDArray[np.bool_]) -> Lie:
    """How the text of the map lies; what `ink` holds is not nothing."""
    x, y = _points(ink)
    level, skew = _best(x, y)
    upright, skew_sideways = _best(y, -x)
    clear = max(level, upright) > _CLEAR * min(level, upright)
    return Lie(upright > level if clear else None, skew, skew_sideways)


@dataclass(frozen=True, slots=True)
class Turn:
    """An image of `width` x `height` pixels turned counter-clockwise by quarters, then by a small angle."""

    width: int
    height: int
    quarters: int
    skew: float  # degrees

    @property
    def turned(self) -> tuple[int, int]:
        """Width and height after the quarters."""
        return (self.height, self.width) if self.quarters % 2 else (self.width, self.height)

    def apply(self, grey: Image) -> Image:
        """The image turned; it keeps its size after the quarters but for what a skewed one needs more."""
        image = np.rot90(grey, self.quarters)
        if not self.skew:
            return np.ascontiguousarray(image)
        paper = int(np.median(image[:: max(1, image.shape[0] // 256)]))
        picture = Picture.fromarray(np.ascontiguousarray(image))
        return np.asarray(picture.rotate(self.skew, Picture.Resampling.BICUBIC, expand=True, fillcolor=paper))

    def back(self, x: float, y: float, width: int, height: int) -> tuple[float, float]:
        """Where a point of the turned image, of `width` x `height`, lay before."""
        angle = math.radians(self.skew)
        dx, dy = x - width / 2, y - height / 2
        wide, high = self.turned
        x = dx * math.cos(angle) - dy * math.sin(angle) + wide / 2
        y = dx * math.sin(angle) + dy * math.cos(angle) + high / 2
        for _ in range(self.quarters % 4):  # each made (x, y) of width w into (y, w - x)
            wide, high = high, wide
            x, y = wide - y, x
        return x, y
