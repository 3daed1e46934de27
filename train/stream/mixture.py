"""What [data] says, and the share of the tokens that each source has at each point of a run."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from pydantic import Field, field_validator

from train.recipe import Section, TrainError

Points = tuple[tuple[float, float], ...]


class Source(Section):
    """[[data.source]]"""

    name: str
    paths: tuple[str, ...]
    column: str = "text"
    share: float | Points | None = None  # of the tokens; points: (fraction of the run, share from there on)
    linear: bool = False  # between points; else in steps
    weight: float = Field(1.0, gt=0)  # among those that have no share, or among its folders
    epochs: float | None = Field(None, gt=0)  # most, over all stages of a run; None: without end
    by_folder: bool = False  # kept/*/*.parquet: a source a language, NAME/FOLDER
    group: str | None = None  # a pack holds sources of one group alone: for cpt.train = "groups"
    rehydrate: bool = True  # repeat documents as the column rehydration_weight says

    @field_validator("share")
    @classmethod
    def _in_order(cls, share: float | Points | None) -> float | Points | None:
        points = share if isinstance(share, tuple) else ((0.0, share or 0.0),)
        places = [at for at, _ in points]
        if not points or places[0] != 0 or places != sorted(set(places)) or places[-1] > 1:
            raise ValueError("fractions of the run are wanted that begin at 0 and rise, to 1 at most")
        if not all(0 <= each <= 1 for _, each in points):
            raise ValueError("a share between 0 and 1 is wanted")
        return share


class Coverage(Section):
    """[data.coverage]"""

    times: int = Field(10, ge=1)  # that each new token is to be seen


class DataSection(Section):
    """[data]"""

    source: tuple[Source, ...]
    temperature: float = Field(1.0, gt=0)  # 1: by size; above: small sources more often
    workers: int = Field(1, ge=0)  # tokenising processes
    coverage: Coverage | None = None  # let `python -m train.data` choose documents that show the new tokens


class Shares:
    """The share of each source at a fraction of the run.

    What those with a share of their own leave, the others split: p_i ~ weight_i * n_i^(1/temperature), n being tokens
    an epoch. Folders of one source split its share likewise.
    """

    def __init__(self, sources: Sequence[Source], sizes: Sequence[float], temperature: float) -> None:
        """A source of several folders is there once for each. Raises TrainError where the shares are not 1 in sum."""
        self._sources = sources
        weights = [source.weight * size ** (1 / temperature) for source, size in zip(sources, sizes, strict=True)]
        pools = [source.name if source.share is not None else "" for source in sources]
        totals = {pool: sum(w for w, own in zip(weights, pools, strict=True) if own == pool) for pool in pools}
        self._within = [weight / totals[pool] for weight, pool in zip(weights, pools, strict=True)]
        for fraction in _changes(sources):
            self._check(fraction)

    def _check(self, fraction: float) -> None:
        whole = sum(self._named(fraction).values())
        if whole > 1 + 1e-6:
            raise TrainError(f"data.source: the shares at {fraction:g} of the run are {whole:g} together, above 1")
        if whole < 1 - 1e-6 and all(source.share is not None for source in self._sources):
            raise TrainError(
                f"data.source: the shares at {fraction:g} of the run are {whole:g} together, below 1, and there is no"
                " source without a share to take the rest"
            )

    def _named(self, fraction: float) -> dict[str, float]:
        return {each.name: share_at(each, fraction) for each in self._sources if each.share is not None}

    def at(self, fraction: float) -> list[float]:
        named = self._named(fraction)
        left = max(0.0, 1 - sum(named.values()))
        pools = [named.get(each.name, left) for each in self._sources]
        return [pool * within for pool, within in zip(pools, self._within, strict=True)]


def _changes(sources: Sequence[Source]) -> list[float]:
    """Where shares bend or jump, and just before: between them, their sum is a line."""
    points = {at for each in sources if isinstance(each.share, tuple) for at, _ in each.share} | {0.0, 1.0}
    return sorted(points | {at - 1e-9 for at in points if at})


def share_at(source: Source, fraction: float) -> float:
    if source.share is None or isinstance(source.share, float | int):
        return float(source.share or 0)
    points = source.share
    if source.linear:
        return float(np.interp(fraction, [x for x, _ in points], [y for _, y in points]))
    return next(y for (x, y), (after, _) in pairwise((*points, (2.0, 0.0))) if x <= fraction < after)
