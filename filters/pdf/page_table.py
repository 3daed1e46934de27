"""The columns of pages/*.pages.parquet: one row a page that could be read, in the order of its file."""

import pyarrow as pa

from filters.columns import SOURCE
from filters.pdf.page_columns import PAGE_SIGNALS

# A paragraph, in reading order. Boxes are points of the page as shown, origin at the top left
BLOCKS: pa.DataType = pa.list_(
    pa.struct(
        [
            *(pa.field(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
            pa.field("role", pa.string()),  # body, heading, footnote, running_head ...: filters/pdf/page.py
            pa.field("text", pa.string()),
        ]
    )
)

PAGES: pa.Schema = pa.schema(
    [
        pa.field("id", pa.string()),  # of the PDF; a document's is this and #page= its first
        pa.field("page", pa.int32()),  # from 1
        pa.field("pages", pa.int32()),  # of the PDF
        pa.field("name", pa.string()),  # its path, name in a zip or tar file, or URL
        pa.field("url", pa.string()),
        pa.field("date", pa.string()),
        pa.field("dump", pa.string()),
        pa.field("file_path", pa.string()),
        pa.field("license", pa.string()),
        pa.field("opt_out", pa.string()),
        pa.field("width", pa.float32()),  # points
        pa.field("height", pa.float32()),
        pa.field("route", pa.string()),  # what the text layer is worth: text, legacy, broken, scan, blank
        pa.field("evidence", pa.map_(pa.string(), pa.float64())),  # for the route, by name
        pa.field("engine", pa.string()),  # that recognised it; null: the text layer
        pa.field("language", pa.string()),  # hin_Deva
        pa.field("signals", PAGE_SIGNALS),
        pa.field("reason", pa.string()),  # why it is dropped whatever the rules: blank, needs_ocr, screened; else null
        pa.field("blocks", BLOCKS),
        pa.field("source", SOURCE),
    ]
)
