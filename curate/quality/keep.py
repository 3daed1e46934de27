"""Cut by keep-rate: a cutoff on `quality` for each language, found between measuring and deciding, without the text."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate.decide import with_filter_reasons
from curate.recipe import Recipe
from thresholds.rule import Provenance, Rule
from thresholds.table import CutoffTable

# Scores are counted in bins on the logit: the count of one language is small whatever the crawl, the same on any
# cluster, and as fine near 0 and 1, where most scores are, as between.
_BIN = 0.005
_EDGE = 1e-6


def with_cutoffs(documents: DataFrame, table: CutoffTable, recipe: Recipe) -> CutoffTable:
    """The table with a rule `quality < cutoff` last for each language, such that the recipe's share is kept of the
    language's documents that have a score and pass everything else. `documents`: from `curate.decide.measured`."""
    counts = _counts(with_filter_reasons(documents, table, recipe.languages))
    rates = {name: recipe.quality.rate_of(name) for name in counts}
    rules = {name: _rule(bins, rates[name]) for name, bins in counts.items() if rates[name] < 1}
    return _with_rules(table, rules)


def _counts(judged: DataFrame) -> dict[str, dict[int, int]]:
    """Documents by label and bin."""
    passing = judged.where("size(drop_reasons) = 0 and quality is not null")
    inside = F.greatest(F.lit(_EDGE), F.least(F.lit(1 - _EDGE), F.col("quality")))
    bins = F.floor(F.log(inside / (1 - inside)) / _BIN).alias("bin")
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for row in passing.groupBy("label", bins).count().collect():
        found[row["label"]][row["bin"]] = row["count"]
    return dict(sorted(found.items()))


def _rule(bins: Mapping[int, int], rate: float) -> Rule:
    """Keep the highest bins until they hold the share."""
    order = sorted(bins, reverse=True)
    held, total = np.cumsum([bins[each] for each in order]), sum(bins.values())
    last = int(np.searchsorted(held, rate * total))
    lowest = order[last] * _BIN <= np.log(_EDGE / (1 - _EDGE))  # what lies below was counted there too
    cutoff = 0.0 if lowest else float(1 / (1 + np.exp(-order[last] * _BIN)))
    origin = Provenance(
        method="keep",
        reference=f"its documents that pass all other rules: keep {rate:g}",
        documents=total,
        removed_crawl=round(float(1 - held[last] / total), 6),
    )
    return Rule(metric="quality", operator="<", cutoff=cutoff, group="quality", provenance=origin)


def _with_rules(table: CutoffTable, rules: Mapping[str, Rule]) -> CutoffTable:
    languages = dict(table.languages)
    for name, rule in rules.items():
        entry = table.of(name)
        languages[name] = replace(entry, rules=(*entry.rules, rule))
    return replace(table, languages=languages)
