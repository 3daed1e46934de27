"""Quality classifiers: what they are trained on, training, evaluation, scores and the cut by keep-rate.

Seeds or annotations (`curate.annotate`) make the examples (`corpus`), these a classifier (`train`), which is judged
(`evaluate`) and then scores while a run measures (`filters.quality`) or afterwards (`score`); `keep` turns a share to
keep into a cutoff for each language.

What none of this shows is whether a model trained on what was kept is better. Ultra-FineWeb (arXiv 2505.05427) verifies
candidate data by that, cheaply: the last steps of a nearly trained small model are repeated with the candidate mixed
in, and the benchmarks compared; seeds and annotations that pass are trained on again. Its place here is a recipe over
`train/`, on the shards of two runs that differ in `quality.model` or `quality.keep` alone (`curate diff` shows what
they judge differently); `train/` does not exist yet.
"""
