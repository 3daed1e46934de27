"""Draw the sample: strata of a finished run, from each the documents with the smallest salted hashes of their ids.

A stratum is what was kept of a language, or what one rule dropped of it; with `sites`, also what was kept of each of the
language's largest sites. No site has more than its share of a stratum: one that is at its cap stands for its own
documents, and the others for the rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from curate import decide
from curate.audit import addresses
from curate.audit.estimate import needed
from curate.diff import Side
from curate.session import read_parquet
from filters.columns import UNKNOWN_LANGUAGE

PER_STRATUM = needed(0.1)  # documents: an interval of at most +- 10 points
PER_SITE = 5  # of one stratum
OF_SITE = 30  # documents of a site that is a stratum of its own: 29 good ones put it above 80 %
# Reading a text does not tell whether these were right
UNSEEN = (*decide.COPIES, "contaminated", "forgotten")


class AuditError(ValueError):
    """What cannot be sampled or read back: a line each with the file, the row, and what would be right."""


@dataclass(frozen=True, slots=True)
class Design:
    """How to draw."""

    per_stratum: int = PER_STRATUM
    per_site: int = PER_SITE
    sites: int = 0  # largest sites of each language that get a stratum of their own
    seed: int = 1


class Place(NamedTuple):
    """A stratum's name. `rule` None: what was kept; `site`: of that one site."""

    language: str
    rule: str | None
    site: str | None


class Candidate(NamedTuple):
    """A document that may be drawn."""

    key: int
    id: str
    site: str | None
    cuts: tuple[tuple[int, int], ...]  # of site boilerplate


@dataclass(frozen=True)
class Stratum:
    """What was drawn of one. `weights`: how many of its documents each drawn one stands for."""

    place: Place
    documents: int
    drawn: tuple[Candidate, ...]
    weights: tuple[float, ...]


def draw(spark: SparkSession, side: Side, design: Design, languages: Sequence[str] = ()) -> list[Stratum]:
    """The strata of these languages, in order; without any, of all that something was kept of. Raises AuditError."""
    documents = _documents(spark, side, design.seed, languages).persist()
    try:
        sizes = documents.groupBy("label", "rule", "site").agg(F.count("*").alias("documents"))
        own = _largest(sizes, design.sites)
        placed = _placed(documents, own)
        totals = {Place(*row[:3]): row.documents for row in _totals(placed)}
        _check_languages(totals, languages)
        chosen = {place: _spread(rows, place, design) for place, rows in _candidates(placed, design)}
        of_sites = _of_sites(sizes, chosen)
    finally:
        documents.unpersist()
    return [
        Stratum(place, totals[place], drawn, weights(drawn, totals[place], of_sites.get(place, {})))
        for place, (drawn, _) in sorted(chosen.items(), key=lambda item: tuple(part or "" for part in item[0]))
    ]


def spread(candidates: Iterable[Candidate], most: int, per_site: int) -> tuple[tuple[Candidate, ...], set[str]]:
    """The first `most` of the candidates, at most `per_site` of one site, and the sites that were cut off by that.
    A document without an address is a site of its own."""
    taken: list[Candidate] = []
    counts: Counter[str | None] = Counter()
    cut_off: set[str] = set()
    for candidate in candidates:
        if len(taken) == most:
            break
        if candidate.site is not None and counts[candidate.site] == per_site:
            cut_off.add(candidate.site)
            continue
        taken.append(candidate)
        counts[candidate.site] += 1
    return tuple(taken), cut_off


def weights(drawn: Sequence[Candidate], documents: int, of_sites: Mapping[str, int]) -> tuple[float, ...]:
    """How many of the stratum's `documents` each drawn one stands for. `of_sites`: documents of the sites cut off."""
    counts = Counter(candidate.site for candidate in drawn)
    rest = sum(count for site, count in counts.items() if site not in of_sites)
    left = documents - sum(of_sites.values())
    sizes = (of_sites.get(candidate.site or "") for candidate in drawn)
    own = [size / counts[candidate.site] if size else left / rest for candidate, size in zip(drawn, sizes, strict=True)]
    scale = documents / sum(own) if own else 1.0  # more than 1 where nothing was drawn of the rest
    return tuple(weight * scale for weight in own)


def _documents(spark: SparkSession, side: Side, seed: int, languages: Sequence[str]) -> DataFrame:
    """(key, label, rule, cuts, id, site, hash) of what may be drawn."""
    decided = decide.read(spark, side.folder, side.fingerprint)
    rule = F.get("drop_reasons", F.lit(0)).alias("rule")
    found = decided.select("key", "label", rule, "cuts").where(F.col("rule").isNull() | ~F.col("rule").isin(*UNSEEN))
    if languages:
        found = found.where(F.col("label").isin(*languages))
    else:
        kept = decided.where(F.size("drop_reasons") == 0).where(~F.startswith("label", F.lit(UNKNOWN_LANGUAGE)))
        found = found.join(F.broadcast(kept.select("label").distinct()), "label", "left_semi")
    named = read_parquet(spark, side.folder.documents).select(
        "key", F.coalesce("id", F.lit("")).alias("id"), "url", F.xxhash64(F.lit(seed), "id").alias("hash")
    )
    return found.join(named.mapInArrow(addresses.with_sites, addresses.COLUMNS), "key")


def _largest(sizes: DataFrame, sites: int) -> list[tuple[str, str]]:
    """(language, site) of what most was kept of, where that is enough for a stratum."""
    if not sites:
        return []
    kept = sizes.where("rule is null and site is not null").where(F.col("documents") >= OF_SITE)
    order = Window.partitionBy("label").orderBy(F.col("documents").desc(), "site")
    rows = kept.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= sites).collect()
    return [(row.label, row.site) for row in rows]


def _placed(documents: DataFrame, own: Sequence[tuple[str, str]]) -> DataFrame:
    """With `own`, the site where it is a stratum."""
    names = documents.sparkSession.createDataFrame(own, "own_label string, own string")
    matches = (F.col("label") == F.col("own_label")) & (F.col("site") == F.col("own")) & F.col("rule").isNull()
    return documents.join(F.broadcast(names), matches, "left").drop("own_label")


def _totals(placed: DataFrame) -> list[Any]:
    return placed.groupBy("label", "rule", "own").agg(F.count("*").alias("documents")).collect()


def _check_languages(totals: Iterable[Place], languages: Sequence[str]) -> None:
    known = {place.language for place in totals}
    if not known:
        raise AuditError(f"no documents to look at: {', '.join(languages) or 'nothing was kept of any language'}")
    if unknown := [language for language in languages if language not in known]:
        raise AuditError(f"--language {unknown[0]}: the run has no document of it that can be looked at")


def _candidates(placed: DataFrame, design: Design) -> Iterator[tuple[Place, list[Candidate]]]:
    """The candidates of each stratum, by hash; no more than it takes to tell which sites are cut off."""
    by_hash = F.col("hash"), F.col("key")
    stratum = ("label", "rule", "own")
    one = F.coalesce("site", F.col("key").cast("string"))
    in_site = F.row_number().over(Window.partitionBy(*stratum, one).orderBy(*by_hash))
    general = placed.where("own is null").withColumn("turn", in_site).where(F.col("turn") <= design.per_site + 1)
    rows = general.drop("turn").unionByName(placed.where("own is not null"))
    most = max(2 * design.per_stratum + 1, OF_SITE)
    in_stratum = F.row_number().over(Window.partitionBy(*stratum).orderBy(*by_hash))
    found = rows.withColumn("turn", in_stratum).where(F.col("turn") <= most).orderBy(*stratum, "turn")
    candidates: dict[Place, list[Candidate]] = {}
    for row in found.select(*stratum, "key", "id", "site", "cuts").collect():
        cuts = tuple((cut.start, cut.end) for cut in row.cuts or ())
        place = Place(row.label, row.rule, row.own)
        candidates.setdefault(place, []).append(Candidate(row.key, row.id, row.site, cuts))
    yield from candidates.items()


def _spread(candidates: list[Candidate], place: Place, design: Design) -> tuple[tuple[Candidate, ...], set[str]]:
    if place.site is not None:
        return tuple(candidates[:OF_SITE]), set()
    return spread(candidates, design.per_stratum, design.per_site)


def _of_sites(
    sizes: DataFrame, chosen: Mapping[Place, tuple[tuple[Candidate, ...], set[str]]]
) -> dict[Place, dict[str, int]]:
    """How many documents the sites that were cut off have in their strata."""
    wanted = [
        (place.language, place.rule or "", site) for place, (_, sites) in chosen.items() for site in sorted(sites)
    ]
    names = sizes.sparkSession.createDataFrame(wanted, "label string, rule string, site string")
    there = sizes.withColumn("rule", F.coalesce("rule", F.lit("")))
    found: dict[Place, dict[str, int]] = {}
    for row in there.join(F.broadcast(names), ["label", "rule", "site"]).collect():
        found.setdefault(Place(row.label, row.rule or None, None), {})[row.site] = row.documents
    return found
