"""Rules of thumb for the boxes of a page, as numbers: suppression, coverage, overlap, density.

The definitions are those of Setu's filters for recognised pages (IndicLLMSuite, Khan et al. 2024, section 2.3), over
paragraphs. Boxes are float64 arrays (n, 4) of x0, y0, x1, y1 in points of the page as shown. The order of the boxes never
changes a value.
"""

import numba
import numpy as np

CONTAINED = 0.95  # a box with more than this share of its area inside another says what that one says (Setu)
MAX_PAIRS = 200_000_000  # of boxes compared for the highest overlap: about half a second
_LEVELS = 24  # of halving the page; smaller boxes share the finest
_CELL_BITS = 24  # so that a cell and its two levels fit into 64 bits


def clipped(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """Boxes by the least and greatest of their vertices, cut to the page.

    A box with a NaN coordinate, and one wholly outside, becomes empty: it has no area, and is suppressed. So is every
    box of a page whose size is no positive number. Infinite coordinates end at the page's edge.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    size = np.array([width, height], np.float64)
    if not (np.isfinite(size).all() and (size > 0).all()):
        return np.zeros_like(boxes)
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    found = np.hstack([np.clip(low, 0.0, size), np.clip(high, 0.0, size)])
    found[np.isnan(found).any(axis=1)] = 0.0
    return found


def areas(boxes: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # of a box too large for its area to be a number, which is then suppressed
        found: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return found


def suppressed(boxes: np.ndarray) -> np.ndarray:
    """Which boxes another one already covers, or have no area; bool (n,). `boxes` as `clipped` returns them.

    The larger box wins; of equal ones that with the smaller coordinates, and of copies the first. Only a box that is kept
    suppresses others.
    """
    area = areas(boxes)
    drop = ~(np.isfinite(area) & (area > 0))
    order = np.lexsort((*boxes.T[::-1], -area))
    order = order[~drop[order]]
    if len(order) > 1:
        _suppress(boxes[order], area[order], order, drop)
    return drop


@numba.njit(nogil=True, cache=True)
def _level(extent: float, side: float) -> int:
    """How often the page's extent can be halved and still hold the side."""
    level, cell = 0, extent / 2
    while level < _LEVELS - 1 and cell >= side:
        level, cell = level + 1, cell / 2
    return level


@numba.njit(nogil=True, cache=True)
def _cell(place: float, start: float, extent: float, level: int) -> int:
    return min(int((place - start) / extent * (1 << level)), (1 << level) - 1)


@numba.njit(nogil=True, cache=True)
def _slot(level_x: int, level_y: int, x: int, y: int, slots: int) -> int:
    key = np.uint64((((level_x * _LEVELS + level_y) << _CELL_BITS | x) << _CELL_BITS) | y)
    return int((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (slots - 1)


@numba.njit(nogil=True, cache=True)
def _suppress(boxes: np.ndarray, area: np.ndarray, rows: np.ndarray, drop: np.ndarray) -> None:
    """Set `drop[rows[i]]` for each suppressed box i; boxes in order of precedence, all with an area.

    A box that covers most of another covers its centre. So kept boxes lie in cells about as large as they are, a grid
    for each pair of widths and heights, and each box looks only where its centre is: the work grows with the boxes over
    one point, not with those of the page. Cells are hashed; whatever shares a slot is compared too, which does no harm.
    """
    n = len(boxes)
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    wide, tall = boxes[:, 2].max() - left, boxes[:, 3].max() - top
    slots = 16
    while slots < 4 * n:
        slots *= 2
    heads = np.full(slots, -1, np.int32)
    following, members, used = np.empty(9 * n, np.int32), np.empty(9 * n, np.int32), 0
    present = np.zeros((_LEVELS, _LEVELS), np.bool_)
    for i in range(n):
        x0, y0, x1, y1 = boxes[i]
        level_x, level_y = _level(wide, x1 - x0), _level(tall, y1 - y0)
        covered = False
        for other_x in range(min(level_x + 2, _LEVELS)):  # a cover is at least 0.95 as wide and as tall
            for other_y in range(min(level_y + 2, _LEVELS)):
                if covered or not present[other_x, other_y]:
                    continue
                cell_x = _cell((x0 + x1) / 2, left, wide, other_x)
                cell_y = _cell((y0 + y1) / 2, top, tall, other_y)
                entry = heads[_slot(other_x, other_y, cell_x, cell_y, slots)]
                while entry >= 0 and not covered:
                    kept = members[entry]
                    shared_x = min(x1, boxes[kept, 2]) - max(x0, boxes[kept, 0])
                    shared_y = min(y1, boxes[kept, 3]) - max(y0, boxes[kept, 1])
                    covered = shared_x > 0 and shared_y > 0 and shared_x * shared_y / area[i] > CONTAINED
                    entry = following[entry]
        if covered:
            drop[rows[i]] = True
            continue
        present[level_x, level_y] = True
        for cell_x in range(_cell(x0, left, wide, level_x), _cell(x1, left, wide, level_x) + 1):
            for cell_y in range(_cell(y0, top, tall, level_y), _cell(y1, top, tall, level_y) + 1):
                slot = _slot(level_x, level_y, cell_x, cell_y, slots)
                members[used], following[used], heads[slot] = i, heads[slot], used
                used += 1


def coverage(starts: np.ndarray, ends: np.ndarray, extent: float) -> float:
    """Length of the union of the intervals as a share of `extent`, 0..1: a sweep over their starts.

    0 without intervals, or where `extent` is no positive number.
    """
    if not len(starts) or not extent > 0:
        return 0.0
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate([[True], starts[1:] > reach[:-1]])  # of each run of intervals that touch
    last = np.append(np.flatnonzero(first)[1:] - 1, len(reach) - 1)
    return min(float((reach[last] - starts[first]).sum() / extent), 1.0)


def highest_overlap(boxes: np.ndarray) -> float:
    """The highest intersection over union of two boxes; 0 with fewer than two. Boxes that only touch have none.

    Of a page with more than `MAX_PAIRS` pairs that share a column and a row, the highest of so many: a lower bound.
    """
    if len(boxes) < 2:
        return 0.0
    order = np.lexsort(boxes.T[::-1])
    turned = boxes[:, [1, 0, 3, 2]]
    order_turned = np.lexsort(turned.T[::-1])
    if _pairs(boxes[order]) > _pairs(turned[order_turned]):
        boxes, order = turned, order_turned
    return float(_sweep(boxes[order], areas(boxes[order]), MAX_PAIRS))


def _pairs(boxes: np.ndarray) -> int:
    """How many pairs overlap in x; sorted by x0."""
    return int(np.searchsorted(boxes[:, 0], boxes[:, 2], "left").sum()) - len(boxes) * (len(boxes) + 1) // 2


@numba.njit(nogil=True, cache=True)
def _sweep(boxes: np.ndarray, area: np.ndarray, budget: int) -> float:
    """From left to right, each box against those that the sweep line still crosses."""
    active, crossing, best = np.empty(len(boxes), np.int64), 0, 0.0
    for i in range(len(boxes)):
        x0, y0, x1, y1 = boxes[i]
        budget -= crossing
        if budget < 0:
            break
        at = 0
        while at < crossing:
            other = active[at]
            if boxes[other, 2] <= x0:
                crossing -= 1
                active[at] = active[crossing]
                continue
            at += 1
            tall = min(y1, boxes[other, 3]) - max(y0, boxes[other, 1])
            if tall > 0:
                shared = (min(x1, boxes[other, 2]) - x0) * tall
                best = max(best, shared / (area[i] + area[other] - shared))
        active[crossing] = i
        crossing += 1
    return best


def lowest_density(blocks: np.ndarray, lines: np.ndarray, block_of: np.ndarray) -> float | None:
    """The least of the blocks' shares of area that their lines take; None where no block has a line.

    blocks: (b, 4), each with an area; lines: (l, 4); block_of: int (l,), the row of each line's block. Lines add up: where
    they overlap the share can be above 1.
    """
    if not len(lines):
        return None
    taken = np.zeros(len(blocks))
    order = np.lexsort((*lines.T[::-1], block_of))  # the same sum whatever the order
    np.add.at(taken, block_of[order], areas(lines[order]))
    with_lines = np.unique(block_of)
    return float((taken[with_lines] / areas(blocks[with_lines])).min())
