"""The learning rate at each step, as a share of its peak."""

import math
from typing import Literal

from train.recipe import Section


class Schedule(Section):
    """Shares are of the stage's steps.

    cosine: warm up, then half a cosine to the floor. A stage that starts from a finished model is warmed again (Ibrahim
    et al., 2403.08763). wsd: warm up, constant, linear decay to the floor at the end. infinite: warm up, cool down to a
    constant level, anneal at the end (the same paper); with decay = 0 the run can be gone on with, and without a new
    warm-up. constant: warm up, constant. decay: from the peak straight to the floor, for an annealing stage.
    """

    shape: Literal["cosine", "wsd", "infinite", "constant", "decay"] = "cosine"
    warmup: float = 0.02
    decay: float = 0.2  # wsd, infinite: the last share
    cooldown: float = 0.3  # infinite: the share after the warm-up
    constant: float = 0.4  # infinite: the level after the cooldown, as a share of the peak
    floor: float = 0.1  # the last level, as a share of the peak


def level(step: int, steps: int, schedule: Schedule) -> float:
    """The share of the peak rate for step 1 ... steps."""
    warm = round(schedule.warmup * steps) if schedule.shape != "decay" else 0
    if step <= warm:
        return step / warm
    if schedule.shape == "constant":
        return 1.0
    if schedule.shape == "cosine":
        return _cosine(1.0, schedule.floor, (step - warm) / max(1, steps - warm))
    if schedule.shape == "decay":
        return _line(1.0, schedule.floor, step / steps)
    return _with_plateau(step, steps, warm, schedule)


def _with_plateau(step: int, steps: int, warm: int, schedule: Schedule) -> float:
    plateau, cool = 1.0, 0
    if schedule.shape == "infinite":
        plateau, cool = schedule.constant, round(schedule.cooldown * steps)
    if step <= warm + cool:
        return _cosine(1.0, plateau, (step - warm) / cool)
    ending = round(schedule.decay * steps)
    if step <= steps - ending:
        return plateau
    return _line(plateau, schedule.floor, (step - steps + ending) / ending)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def _line(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
