"""Scores of texts in files, outside a run."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from curate.quality.corpus import with_labels
from curate.runfolder import publishing
from filters.quality import scores

SCORED = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),  # from 0
        pa.field("id", pa.string()),
        pa.field("label", pa.string()),  # hin_Deva
        pa.field("quality", pa.float64()),  # P(good); null: no score
    ]
)


def batches(inputs: Sequence[str], model: str) -> Iterator[pa.RecordBatch]:
    """The score of each text of the inputs, in order."""
    for part in with_labels(inputs):
        text, labels = pa.array([each.row["text"] for each in part], pa.string()), [each.label for each in part]
        found = scores(text, pa.array(labels, pa.string()), model=model)
        columns = [[each.file for each in part], [each.number for each in part], [each.id for each in part], labels]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCORED, strict=False)]
        yield pa.record_batch([*arrays, found], schema=SCORED)


def write(inputs: Sequence[str], model: str, output: str) -> tuple[int, int]:
    """Write the scores to a Parquet file; the texts, and those among them that have a score."""
    rows = scored = 0
    with publishing(output) as file, pq.ParquetWriter(file, SCORED, compression="zstd") as writer:
        for batch in batches(inputs, model):
            writer.write_batch(batch)
            rows, scored = rows + len(batch), scored + len(batch) - batch["quality"].null_count
    return rows, scored
