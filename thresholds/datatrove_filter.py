"""Our signals and a cutoff table as a filter of a datatrove pipeline; needs the extra `multicurate[datatrove]`.

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from thresholds.datatrove_filter import CutoffFilter

cutoffs = CutoffFilter("universal", exclusion_writer=JsonlWriter("removed"))
LocalPipelineExecutor([JsonlReader("in"), cutoffs, JsonlWriter("out")]).run()
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from filters.clean import strings
from filters.columns import label
from filters.signals import measure
from thresholds.rule import DOCUMENT_METRICS
from thresholds.table import CutoffTable

try:
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import BaseFilter
except ImportError as error:
    raise ImportError(f"CutoffFilter needs datatrove: pip install 'multicurate[datatrove]' ({error})") from error

Verdict = bool | tuple[bool, str]


class CutoffFilter(BaseFilter):
    """Drops what the cutoffs of the document's language drop; the reason is that of the first rule that fires.

    The language is read from the metadata as FineWeb-2 and datatrove's LanguageFilter (backend glotlid) write it:
    `language` and `language_script` (hin, Deva), or both in `language` (hin_Deva). language_score and quality are read
    where a rule of that language needs them. Raises ValueError, in one line, where one of these is missing.
    """

    name = "📏 Cutoffs"

    def __init__(
        self,
        cutoffs: str | Path | CutoffTable,
        *,
        language: str | None = None,  # hin_Deva, for every document; None: each document's metadata say it
        flagged_words: Mapping[str, Collection[str]] | None = None,  # by label
        annotate: bool = False,  # write signals and drop_reasons (all of them) to the metadata
        exclusion_writer: Any = None,  # datatrove's DiskWriter
        batch_size: int = 256,
    ) -> None:
        """Raises thresholds.table.TableError for a table that cannot be used."""
        super().__init__(exclusion_writer, batch_size)
        self.table = cutoffs if isinstance(cutoffs, CutoffTable) else CutoffTable.load(cutoffs)
        self.language, self.flagged_words, self.annotate = language, flagged_words, annotate

    def filter(self, doc: Document) -> Verdict:
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[Verdict]:
        """The verdict on each; the batch is measured at once."""
        labels = [self.language or _label(document) for document in batch]
        text, language = strings(document.text for document in batch), pa.array(labels, pa.string())
        columns = {name: self._column(name, batch, labels) for name in DOCUMENT_METRICS}
        signals = measure(text, language, stopwords=self.table.stopwords, flagged_words=self.flagged_words)
        reasons = self.table.apply(signals, language, columns=columns).to_pylist()
        if self.annotate:
            for document, values, why in zip(batch, signals.to_pylist(), reasons, strict=True):
                document.metadata |= {"signals": values, "drop_reasons": why}
        return [(False, why[0]) if why else True for why in reasons]

    def _column(self, name: str, batch: list[Document], labels: list[str]) -> pa.Array:
        """A metric that is not measured here, from the metadata."""
        needed = {each for each in set(labels) if any(rule.metric == name for rule in self.table.of(each).rules)}
        for document, each in zip(batch, labels, strict=True):
            if each in needed and document.metadata.get(name) is None:
                raise ValueError(
                    f"document {document.id}: no {name} in its metadata, and a rule for {each} in the cutoffs"
                    f" {self.table.name} needs it; put a language or quality filter that writes it before this one"
                )
        values = [document.metadata.get(name) for document in batch]
        return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _label(document: Document) -> str:
    language, script = (document.metadata.get(name) for name in ("language", "language_script"))
    joined = language if language and "_" in language else label(language, script) if language and script else None
    if joined is None:
        raise ValueError(
            f"document {document.id}: its metadata have language {language!r} and language_script {script!r}; must be"
            " like hin and Deva, or hin_Deva in language; or give CutoffFilter(language=...) for all"
        )
    return str(joined)
