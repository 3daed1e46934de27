"""A language model's scores for a sample of documents: `Annotation(sample(...), load_rubric(...), engine, Folder(...)).run()`."""

from curate.annotate.annotation import Annotation, Estimate
from curate.annotate.folder import ANNOTATIONS, Folder, Outcome
from curate.annotate.rubric import Rubric, load_rubric
from curate.annotate.sample import Document, Sample, sample

__all__ = [
    "ANNOTATIONS",
    "Annotation",
    "Document",
    "Estimate",
    "Folder",
    "Outcome",
    "Rubric",
    "Sample",
    "load_rubric",
    "sample",
]
