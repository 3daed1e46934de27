"""Inputs of every kind, as records: `read(split) for split in plan_splits(list_inputs(paths))`."""

from curate.sources.listing import InputFile, list_inputs
from curate.sources.planning import plan_splits
from curate.sources.reading import read
from curate.sources.record import Failure, InputError, Item, Record, Skipped, Split

__all__ = [
    "Failure",
    "InputError",
    "InputFile",
    "Item",
    "Record",
    "Skipped",
    "Split",
    "list_inputs",
    "plan_splits",
    "read",
]
