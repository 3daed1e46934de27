"""How input is packed into units of work."""

import pytest

from curate.plan import _packed
from curate.sources.record import Split


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([], []),
        ([0], [[0]]),
        ([0, 3], [[0, 3]]),  # an empty file first
        ([0, 0, 9, 0], [[0, 0, 9, 0]]),
        ([5, 5, 1, 12, 0, 3], [[5, 5], [1], [12], [0, 3]]),
        ([12, 0], [[12], [0]]),
    ],
)
def test_small_files_together(sizes: list[int], wanted: list[list[int]]) -> None:
    splits = [Split(file=f"{at}.jsonl", format="jsonl", bytes=size) for at, size in enumerate(sizes)]
    groups = _packed(splits, 10)
    assert [[split.bytes for split in group] for group in groups] == wanted
    assert [split for group in groups for split in group] == splits
