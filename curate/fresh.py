"""Work in a process of its own.

fastText 0.9.3 sets only a tenth of its input table a thread and trusts the rest to be zero. That is true of memory fresh
from the system, and not of what a process has used before: training there met NaN, or could not be repeated.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def apart(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `work` returns, or raises, in a fresh process. It, its arguments and its result are pickled on the way."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()
