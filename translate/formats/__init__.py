"""Formats of documents: each module's `blocks` finds the text in a source and where it stands."""


def names(listed: str) -> frozenset[str]:
    """Those of a list, apart by white space."""
    return frozenset(listed.split())
