"""What calibration keeps of a language: a deterministic sample of its documents' metrics, and exact moments.

The sample is the `SAMPLE_SIZE` documents with the smallest hash of their id: it does not depend on partitions or on
order, and two of them merge into that of both populations, so that a new snapshot costs no second look at an old one.
Moments are sums of integers (metrics in units of 2**-20), so that they too are the same however the rows were cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from thresholds.rule import KNOWN_METRICS

SAMPLE_SIZE = 50_000
FRACTION_BITS = 20  # a metric is rounded to 1e-6 for its moments
_LIMB = 24  # bits; two limbs hold a metric below 2**28, and their products sum without overflow in an int64
_ROWS = 1 << 14  # summed at once

METRIC_INDEX = {name: column for column, name in enumerate(KNOWN_METRICS)}

# A language's row in a stored summary. Sums are decimal digits: they outgrow every integer column.
MOMENTS_TYPE = pa.struct(
    [("metric", pa.string()), ("count", pa.int64()), ("total", pa.string()), ("squares", pa.string())]
)
SAMPLE_TYPE = pa.struct([("hash", pa.int64()), ("key", pa.int64()), *((name, pa.float64()) for name in KNOWN_METRICS)])
SUMMARY = pa.schema(
    [
        ("label", pa.string()),
        ("documents", pa.int64()),
        ("moments", pa.list_(MOMENTS_TYPE)),
        ("sample", pa.list_(SAMPLE_TYPE)),
    ]
)


@dataclass(frozen=True, slots=True)
class Moments:
    """Exact count, sum and sum of squares of one metric, nulls left out."""

    count: int = 0
    total: int = 0  # in units of 2 ** -FRACTION_BITS
    squares: int = 0  # in units of 2 ** -(2 * FRACTION_BITS)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """NaN without documents."""
        return self.total / (self.count << FRACTION_BITS) if self.count else float("nan")

    @property
    def std(self) -> float:
        """Of the population (not n - 1); NaN without documents."""
        if not self.count:
            return float("nan")
        spread = self.count * self.squares - self.total * self.total  # exact: no cancellation
        return float((spread / (self.count * self.count << (2 * FRACTION_BITS))) ** 0.5)


@dataclass(frozen=True)
class Summary:
    """One language: the number of its documents, moments by metric, and the sample in order of hash.

    hash: int64 (n,) and key: int64 (n,) name the sampled documents; values: float64 (n, len(KNOWN_METRICS)), NaN for
    null, one column a metric.
    """

    label: str
    documents: int
    moments: Mapping[str, Moments]
    hash: np.ndarray
    key: np.ndarray
    values: np.ndarray

    def of(self, metric: str) -> np.ndarray:
        """The sampled values of a metric, nulls left out, sorted."""
        if metric not in self._sorted:
            column = self.values[:, METRIC_INDEX[metric]]
            self._sorted[metric] = np.sort(column[~np.isnan(column)])
        return self._sorted[metric]

    @cached_property
    def _sorted(self) -> dict[str, np.ndarray]:
        """Filled when a metric is first asked for: most callers want one or a few of the forty."""
        return {}


def summarise(
    label: Sequence[str] | np.ndarray,
    hash_: np.ndarray,
    key: np.ndarray,
    values: np.ndarray,
    *,
    size: int = SAMPLE_SIZE,
) -> list[Summary]:
    """A summary of each language among these rows. `label`: (rows,); `values`: (rows, len(KNOWN_METRICS))."""
    names, codes = np.unique(np.asarray(label, dtype=object).astype(str), return_inverse=True)
    order = np.lexsort((key, hash_, codes))
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
    found = []
    for name, start, end in zip(names, edges[:-1], edges[1:], strict=True):
        rows = order[start:end]
        kept = rows[:size]
        found.append(Summary(str(name), len(rows), _moments(values[rows]), hash_[kept], key[kept], values[kept]))
    return found


def merge(summaries: Iterable[Summary], *, size: int = SAMPLE_SIZE) -> Summary:
    """One language's summaries as that of all their documents. Their order does not matter."""
    parts = list(summaries)
    if len(parts) == 1:
        return parts[0]
    hash_, key, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("hash", "key", "values"))
    kept = np.lexsort((key, hash_))[:size]
    moments = {name: sum((part.moments[name] for part in parts), Moments()) for name in KNOWN_METRICS}
    return Summary(parts[0].label, sum(part.documents for part in parts), moments, hash_[kept], key[kept], values[kept])


def _moments(values: np.ndarray) -> dict[str, Moments]:
    """Exact moments of each column; (rows, len(KNOWN_METRICS))."""
    columns = values.shape[1]
    count, total, squares = [0] * columns, [0] * columns, [0] * columns
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS]
        fixed = np.rint(np.nan_to_num(np.clip(part, 0, 2.0**28 - 1)) * 2.0**FRACTION_BITS).astype(np.int64)
        high, low = fixed >> _LIMB, fixed & ((1 << _LIMB) - 1)
        products = [np.einsum("ij,ij->j", a, b) for a, b in ((high, high), (high, low), (low, low))]
        present = (~np.isnan(part)).sum(axis=0)
        for column in range(columns):
            hh, hl, ll = (int(product[column]) for product in products)
            count[column] += int(present[column])
            squares[column] += (hh << 2 * _LIMB) + (hl << (_LIMB + 1)) + ll
        for column, sum_ in enumerate(fixed.sum(axis=0).tolist()):
            total[column] += sum_
    return {name: Moments(count[c], total[c], squares[c]) for name, c in METRIC_INDEX.items()}


def to_table(summaries: Sequence[Summary]) -> pa.Table:
    """Rows of the SUMMARY schema."""
    samples = [_sample(summary) for summary in summaries]
    lengths = np.concatenate([[0], np.cumsum([len(sample) for sample in samples])])
    flat = pa.concat_arrays(samples) if samples else pa.array([], SAMPLE_TYPE)
    moments = [
        [
            {"metric": name, "count": m.count, "total": str(m.total), "squares": str(m.squares)}
            for name, m in summary.moments.items()
        ]
        for summary in summaries
    ]
    return pa.table(
        [
            pa.array([summary.label for summary in summaries], pa.string()),
            pa.array([summary.documents for summary in summaries], pa.int64()),
            pa.array(moments, pa.list_(MOMENTS_TYPE)),
            pa.ListArray.from_arrays(pa.array(lengths, pa.int32()), flat),
        ],
        schema=SUMMARY,
    )


def _sample(summary: Summary) -> pa.StructArray:
    columns = [pa.array(summary.values[:, c], mask=np.isnan(summary.values[:, c])) for c in METRIC_INDEX.values()]
    return pa.StructArray.from_arrays(
        [pa.array(summary.hash), pa.array(summary.key), *columns], fields=list(SAMPLE_TYPE)
    )


def from_table(table: pa.Table | pa.RecordBatch) -> list[Summary]:
    """Summaries from rows of the SUMMARY schema."""
    return [
        _from_row(label, documents, moments, sample)
        for label, documents, moments, sample in zip(
            table["label"].to_pylist(), table["documents"].to_pylist(), table["moments"].to_pylist(), table["sample"],
            strict=True,
        )
    ]  # fmt: skip


def _from_row(label: str, documents: int, moments: list[dict[str, str]], sample: pa.ListScalar) -> Summary:
    rows = sample.values
    hash_, key, *metrics = (
        np.asarray(column.fill_null(np.nan) if column.null_count else column) for column in rows.flatten()
    )
    values = np.column_stack(metrics) if len(rows) else np.empty((0, len(KNOWN_METRICS)))
    known = {each["metric"]: Moments(int(each["count"]), int(each["total"]), int(each["squares"])) for each in moments}
    return Summary(label, documents, known, hash_, key, values)
