"""PDFs as a Spark data source, usable alone:

spark.dataSource.register(PdfDataSource)
spark.read.format("pdf").option("languages", "hin_Deva").option("ocr", "tesseract").load("s3://books/*.pdf")
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from curate.page import failure_of
from curate.pdf.bodies import bodies
from curate.pdf.reader import PageTally, Reader
from curate.pdf.stage import guards
from curate.recipe import Pdf, Recipe
from curate.sources.listing import PDF_FORMATS, list_inputs
from curate.sources.planning import plan_splits
from curate.sources.record import Failure, InputError, Skipped, Split
from filters.pdf.page_table import PAGES

# A row a page; where `error` is set, a PDF or a page that could not be read, "reason: error"
SCHEMA = PAGES.append(pa.field("error", pa.string()))
FORMATS = (*PDF_FORMATS, "warc", "arc")


class SplitPartition(InputPartition):
    def __init__(self, split: Split) -> None:
        self.split = split


class PdfDataSource(DataSource):
    """Options: `path` (a glob, folder or file), `languages` and `ocr` as in a recipe's [pdf], with commas between."""

    @classmethod
    def name(cls) -> str:
        return "pdf"

    def schema(self) -> StructType:
        return from_arrow_schema(SCHEMA)

    def reader(self, schema: StructType) -> "PdfReader":
        return PdfReader(dict(self.options))


class PdfReader(DataSourceReader):
    def __init__(self, options: dict[str, str]) -> None:
        if not options.get("path"):
            raise InputError('no path; say spark.read.format("pdf").load(PATH)')
        given = {name: tuple(filter(None, options.get(name, "").split(","))) for name in ("languages", "ocr")}
        self.recipe = Recipe(input=(options["path"],), output="-", pdf=Pdf.model_validate(given))

    def partitions(self) -> list[InputPartition]:
        files = list_inputs(self.recipe.input)
        if other := next((file for file in files if file.format not in FORMATS), None):
            raise InputError(f"{other.path}: of format {other.format}; this source reads {', '.join(FORMATS)}")
        return [SplitPartition(split) for split in plan_splits(files)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, SplitPartition)
        split, tally = partition.split, PageTally()
        with guards(self.recipe, tally) as (pdf, ocr):
            reader = Reader(self.recipe, tally, pdf=pdf, ocr=ocr)
            for body in bodies(split, limit_bytes=self.recipe.pdf.file_bytes):
                failures: list[dict[str, Any]] = []
                if isinstance(body, Failure):
                    failures.append(failure_of(split.file, body.offset, body.url, body.reason, body.error))
                elif not isinstance(body, Skipped):
                    for rows in reader.read(body, split.file, failures):
                        whole = rows.append_column("error", pa.nulls(len(rows), pa.string()))
                        yield from whole.cast(SCHEMA).to_batches(max_chunksize=256)
                if failures:
                    yield from pa.Table.from_pylist([_error(f) for f in failures], SCHEMA).to_batches()


def _error(failure: dict[str, Any]) -> dict[str, Any]:
    place = {"file": failure["file"], "offset": failure["offset"]}
    return {"source": place, "url": failure["url"], "error": f"{failure['reason']}: {failure['error']}"}
