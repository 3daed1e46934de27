"""The sites of documents, found in Spark's Python workers: they load this module and little else for it."""

from collections.abc import Iterator

import pyarrow as pa

from filters import url

COLUMNS = "key long, id string, hash long, site string"


def with_sites(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """(key, id, url, hash) as COLUMNS: the registered domain in place of the URL."""
    for batch in batches:
        sites = pa.array([url.site(value) for value in batch["url"].to_pylist()], pa.string())
        yield pa.RecordBatch.from_pydict({**{name: batch[name] for name in ("key", "id", "hash")}, "site": sites})
