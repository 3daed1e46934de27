"""What earlier runs kept, as bands and exact hashes: later runs drop copies of it without reading its text again.

    index/index.json                     version, dedup parameters, normalisation: runs of other ones are refused
    index/run=<run>/entry.json           the run's place in the order, and which data of it counts
    index/run=<run>/<decisions>/*.parquet    exact_hash long, bands array<long>

A run is known by what it measured first, so that it stays the same run when its cutoffs change or its input grows. It is
compared with the runs before it in the order alone, never with itself or a later one: of two runs that hold a text the
older keeps it, whichever is decided again. The entry is written last and names its data, so that a killed run leaves
nothing half; deciding again replaces it. Matches are not verified: the index holds no signatures.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from curate.dedup import join as join_
from curate.recipe import Dedup, RecipeError
from curate.runfolder import exists, filesystem, join, read_json, remove, write_json
from curate.session import jvm_path, read_parquet
from filters import minhash

VERSION = 1
_COLUMNS = "exact_hash long, bands array<long>"
_PROBE = (
    "Straße 12, Été: कर्म क़ुल आज है, நன்றி வணக்கம், ไม้หม ภาษาไทยวันนี้, ばぱガ日本語の文章です, 한글 각 문장, عِلْم مُمْتَاز اليوم"
)


@dataclass(frozen=True, slots=True)
class Index:
    """An index as one run sees it."""

    root: str
    settings: Dedup
    run: str  # this run
    older: tuple[str, ...]  # folders of the runs before it, below `root`, in order
    place: int  # of this run in the order


def opened(root: str, settings: Dedup, run: str) -> Index:
    """Raises RecipeError for an index of other parameters, another version or another normalisation."""
    held = read_json(join(root, "index.json")) if exists(join(root, "index.json")) else identity(settings)
    other = [name for name, value in identity(settings).items() if held.get(name) != value]
    if other:
        here = ", ".join(f"{name} {held.get(name)}, this run {identity(settings)[name]}" for name in other)
        raise RecipeError(f"dedup.index: {root} was made otherwise and cannot be mixed ({here}); give another folder")
    entries = _entries(root)
    place = entries[run]["place"] if run in entries else 1 + max((e["place"] for e in entries.values()), default=0)
    before = sorted((e["place"], name) for name, e in entries.items() if (e["place"], name) < (place, run))
    return Index(root, settings, run, tuple(f"run={name}/{entries[name]['data']}" for _, name in before), place)


def identity(settings: Dedup) -> dict[str, Any]:
    parameters = settings.model_dump(include={"ngram", "bands", "rows", "seed"}) | {
        "permutations": settings.permutations
    }
    return {"version": VERSION, **parameters, "normalisation": _normalisation()}


def _normalisation() -> str:
    """Of how texts become shingles and hashes, known by what it does to a text of many scripts."""
    digest = hashlib.blake2b(digest_size=8)
    for label in ("und_Latn", "tha_Thai", "jpn_Jpan"):
        digest.update(minhash.signatures(pa.array([_PROBE]), pa.array([label])).tobytes())
    digest.update(str(minhash.exact_hash(pa.array([_PROBE])).to_pylist()).encode())
    return digest.hexdigest()


def _entries(root: str) -> dict[str, dict[str, Any]]:
    fs, inner = filesystem(root)
    paths = sorted(fs.glob(f"{inner}/run=*/entry.json")) if fs.exists(inner) else []
    return {path.split("/")[-2].removeprefix("run="): json.loads(fs.cat_file(path)) for path in paths}


def matches(documents: DataFrame, index: Index) -> DataFrame:
    """(key) of the documents that share a band or the exact hash with what an older run kept."""
    parts = [read_parquet(documents.sparkSession, join(index.root, path), _COLUMNS) for path in index.older]
    held = parts[0]
    for part in parts[1:]:
        held = held.unionByName(part)
    settings = index.settings
    own = join_.banded(join_.representatives(documents), bands=settings.bands, rows=settings.rows)
    near = own.join(held.select(F.explode("bands").alias("band")), "band", "left_semi").select("key")
    return near.unionByName(documents.join(held, "exact_hash", "left_semi").select("key")).distinct()


def add(spark: SparkSession, index: Index, kept: DataFrame, decisions: str) -> None:
    """Make `kept` (key, exact_hash, minhash) the run's entry, under the fingerprint of its decisions."""
    folder = join(index.root, f"run={index.run}")
    entry = join(folder, "entry.json")
    if exists(entry) and read_json(entry)["data"] == decisions:
        return
    if not exists(join(index.root, "index.json")):
        write_json(join(index.root, "index.json"), identity(index.settings))
    rows = _banded(kept, index.settings)
    rows.write.mode("overwrite").option("compression", "zstd").parquet(jvm_path(join(folder, decisions)))
    write_json(entry, {"place": index.place, "data": decisions})
    fs, inner = filesystem(folder)
    for path in fs.ls(inner, detail=False):
        if path.rsplit("/", 1)[-1] not in ("entry.json", decisions):
            remove(join(folder, path.rsplit("/", 1)[-1]))


def _banded(kept: DataFrame, settings: Dedup) -> DataFrame:
    keys = join_.band_keys(bands=settings.bands, rows=settings.rows)
    return kept.select("exact_hash", F.when(F.col("minhash").isNotNull(), keys).alias("bands"))
