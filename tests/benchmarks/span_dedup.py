"""The share of spans that asking each distinct one once saves, on pages that are alike.

    python -m tests.benchmarks.span_dedup

The installation guide of Debian in 18 languages and LibreOffice's help in three, page by page as HTML: spans, distinct
ones, and the same in characters, all languages together and within each, since a pair has one source language.
"""

import json
import zipfile
from collections import defaultdict
from typing import Any

from filters.charset import decode
from tests.benchmarks.corpora import DATA
from translate.document import Document

SETS = {"debian_installguide": "debian_installguide_html.zip", "libreoffice_help": "libreoffice_help_hi_km_tr.zip"}


def measured(name: str) -> dict[str, Any]:
    """Of one archive of pages, whose names begin with the language."""
    spans: defaultdict[str, list[str]] = defaultdict(list)
    with zipfile.ZipFile(DATA / "html" / name) as archive:
        for page in archive.namelist():
            if page.startswith("pages/") and not page.endswith("/"):
                text = decode(archive.read(page), "text/html")
                spans[page.removeprefix("pages/").partition("__")[0]] += [
                    span.text for span in Document.parse(text, "html").spans
                ]
    total, distinct = sum(map(len, spans.values())), sum(len(set(found)) for found in spans.values())
    size = sum(len(text) for found in spans.values() for text in found)
    kept = sum(len(text) for found in spans.values() for text in set(found))
    return {
        "languages": len(spans),
        "spans": total,
        "distinct": distinct,
        "spans_saved": round(1 - distinct / total, 3),
        "characters_saved": round(1 - kept / size, 3),
    }


def main() -> None:
    print(json.dumps({"benchmark": "span_dedup", **{name: measured(path) for name, path in SETS.items()}}))


if __name__ == "__main__":
    main()
