"""The dataset card of a run: README.md with the front matter that the Hugging Face hub reads."""

from typing import Any


def _parts(manifest: dict[str, Any]) -> str:
    parts = manifest["input"].get("parts", 0)
    return f" ({parts:,} of them split off a record in several languages)" if parts else ""


def render(manifest: dict[str, Any]) -> str:
    """Markdown: languages and sizes, how the data was made, how to open it. Every figure is the manifest's."""
    shards: dict[str, list[int]] = {}
    for shard in manifest["shards"]:
        rows = shards.setdefault(shard["language"], [0, 0])
        rows[0] += shard["rows"]
        rows[1] += shard["text_bytes"]
    configs = "".join(f"- config_name: {label}\n  data_files: kept/{label}/*.parquet\n" for label in sorted(shards))
    table = "".join(f"| {label} | {rows:,} | {size / 1e6:,.1f} |\n" for label, (rows, size) in sorted(shards.items()))
    stages = manifest["stages"]
    dropped, failed = sum(stages["decide"]["dropped"].values()), sum(stages["measure"]["failed"].values())
    recipe = manifest["recipe"]
    return f"""---
configs:
{configs}---
# {recipe["output"].rstrip("/").rsplit("/", 1)[-1]}

{stages["write"]["kept"]:,} documents in {len(shards)} languages, made by multicurate {manifest["versions"]["multicurate"]}
on {manifest["created"][:10]} from {manifest["input"]["files"]:,} files ({manifest["input"]["bytes"] / 1e6:,.1f} MB).

{stages["measure"]["in"]:,} records in = {stages["write"]["kept"]:,} kept + {dropped:,} dropped + {failed:,} failed{_parts(manifest)}.
Every dropped record is in `dropped/` with its reason, every failed one in `failed/` with its error.

| language | documents | text, MB |
| --- | ---: | ---: |
{table}
## How it was made

- Text: {recipe["extract"]["extractor"]}; encoding repaired; PII {"replaced by placeholders" if recipe["clean"]["pii"] else "left as it was"}.
- Language: model `{recipe["language"]["model"]}`; labels are ISO 639-3 and ISO 15924.
- Cutoffs: `{recipe["cutoffs"]}`, in full in `cutoffs.toml`.
- Duplicates: {_dedup(recipe["dedup"])}.
{_boilerplate(manifest)}{_benchmarks(manifest.get("contamination"))}{_sites(recipe)}
The text is the publishers'; this card grants no licence to it. Questions of a page's owner: its `url` names the source.

## How to open it

```python
import datasets
datasets.load_dataset("parquet", data_files="kept/*/*.parquet", split="train", streaming=True)
```

`manifest.json` lists every shard with its rows and content hash; `curate verify` counts them again. `report.html` shows
the funnel, the cutoffs against the data, and samples of what each rule removed.
"""


def _benchmarks(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    what = "documents were dropped" if found["action"] == "drop" else "documents had the passages cut"
    looked = f"{found['ngram']}-grams of {sum(each['records'] for each in found['benchmarks']):,} records in"
    return (
        f"- Benchmarks: looked for {looked} {len(found['benchmarks']):,} files; {found['documents']:,} {what}:"
        " `contamination.json`.\n"
    )


def _sites(recipe: dict[str, Any]) -> str:
    if not (recipe.get("audit") or {}).get("verified"):
        return ""
    return "- Verified: the column `verified` is true for documents of sites that native speakers judged good.\n"


def _boilerplate(manifest: dict[str, Any]) -> str:
    settings, cut = manifest["recipe"].get("boilerplate") or {"lines": 0}, manifest.get("boilerplate") or {}
    if not settings["lines"]:
        return ""
    rule = f"in {settings['lines']:,} documents of a site and {settings['share']:.0%} of them"
    return f"- Site boilerplate: lines {rule} were cut: {cut.get('lines', 0):,} from {cut.get('documents', 0):,} documents.\n"


def _dedup(dedup: dict[str, Any]) -> str:
    if not dedup["enabled"]:
        return "not removed"
    return (
        f"exact, and MinHash over {dedup['ngram']}-grams ({dedup['bands']} bands of {dedup['rows']}){_verified(dedup)};"
        " the best copy of each cluster is kept"
    )


def _verified(dedup: dict[str, Any]) -> str:
    if not dedup.get("verify"):
        return ""
    how = {"estimate": "by the signatures", "jaccard": "by their n-grams"}[dedup["verify"]]
    return f", each pair at least {dedup['similarity']:g} similar {how}"
