"""The genre of a PDF, by the recipe's globs over its path, its name in a zip or tar file, or its URL."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from thresholds.page_rules import PROSE


def genre_of(name: str, genres: Mapping[str, str]) -> str:
    """Of the first glob that matches; prose, for which every rule holds, where none does."""
    return next((genre for glob, genre in genres.items() if fnmatchcase(name, glob)), PROSE)
