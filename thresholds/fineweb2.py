"""FineWeb-2's per-language YAML files as a cutoff table (Penedo et al. 2025, arXiv 2506.20920, section 4.4).

The files hold what was adapted; what FineWeb-2 fixed for every language is added here. Values that its own code reads
as "off" (a falsy limit, a share no document can exceed, a punctuation share of 0 or less) become no rule at all.
"""

import io
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from thresholds.rule import Provenance, Rule
from thresholds.table import CutoffTable, LanguageCutoffs, TableError

PUBLISHED = Provenance(method="given", reference="FineWeb-2")
FIXED = Provenance(method="fixed", reference="FineWeb-2")
_LABEL = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")

# (metric, operator, cutoff) that FineWeb-2 holds fixed in every language
FIXED_FINEWEB = (("duplicate_nonblank_line_character_ratio", ">", 0.1),)
FIXED_GOPHER = (
    ("non_symbol_words", "<", 50),
    ("non_symbol_words", ">", 100_000),
    ("hash_word_ratio", ">", 0.1),
    ("ellipsis_word_ratio", ">", 0.1),
    ("bullet_line_ratio", ">", 0.9),
    ("ellipsis_line_ratio", ">", 0.3),
)
FIXED_STOPWORDS = ("stopwords", "<", 2)


def read(path: str | Path, languages: Collection[str] = ()) -> CutoffTable:
    """The zip, folder or single file of YAML at `path`; only `languages` (labels) where given. Raises TableError."""
    wanted = set(languages)
    entries = {
        label: convert(_parse(text, label), label)
        for label, text in sorted(_files(Path(path)))
        if not wanted or label in wanted
    }
    missing = wanted - set(entries)
    if missing or not entries:
        raise TableError(f"cutoffs {path}: no configuration of {', '.join(sorted(missing)) or 'any language'} in it")
    return CutoffTable(entries, "fineweb2", "FineWeb-2's published cutoffs")


def convert(config: Mapping[str, Any], label: str) -> LanguageCutoffs:
    """One language's YAML as rules, in the order of FineWeb-2's filters: repetition, FineWeb quality, Gopher quality."""
    try:
        rules = (
            *_rules("language", PUBLISHED, [("language_score", "<", config["language_score"])]),
            *_rules("gopher_repetition", PUBLISHED, _repetition(config)),
            *_rules("fineweb_quality", PUBLISHED, _fineweb(config)),
            *_rules("fineweb_quality", FIXED, FIXED_FINEWEB),
            *_rules("gopher_quality", FIXED, FIXED_GOPHER),
            *_rules("gopher_quality", PUBLISHED, _gopher(config)),
            *_rules("gopher_quality", FIXED, [FIXED_STOPWORDS]),
        )
        return LanguageCutoffs(rules, tuple(str(word) for word in config["stopwords"]))
    except KeyError as error:
        raise TableError(f"cutoffs {label}: no key {error} in its YAML") from None
    except (TypeError, ValueError) as error:
        raise TableError(f"cutoffs {label}: {error}") from None


def _repetition(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    if 0 < config["dup_line_frac"] < 1:
        yield "duplicate_line_ratio", ">", config["dup_line_frac"]
    for n, cutoff in config["top_n_grams"]:
        yield f"top_{n}gram_character_ratio", ">", cutoff
    for n, cutoff in config["dup_n_grams"]:
        yield f"duplicate_{n}gram_character_ratio", ">", cutoff


def _fineweb(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    if config["line_punct_thr"] > 0:
        yield "terminal_punctuation_line_ratio", "<", config["line_punct_thr"]
    yield "newline_word_ratio", ">", config["new_line_ratio"]


def _gopher(config: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    yield "mean_word_length", "<", config["min_avg_word_length"]
    yield "mean_word_length", ">", config["max_avg_word_length"]
    yield "alphabetic_word_ratio", "<", config["max_non_alpha_words_ratio"]  # its name notwithstanding: a minimum


def _rules(group: str, provenance: Provenance, triples: Any) -> Iterator[Rule]:
    for metric, operator, cutoff in triples:
        yield Rule(metric=metric, operator=operator, cutoff=cutoff, group=group, provenance=provenance)


def _files(path: Path) -> Iterator[tuple[str, str]]:
    """(label, YAML) of every file whose name is a label; others (a licence, a csv) are no configuration."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            for name in archive.namelist():
                if _is_config(Path(name)):
                    yield Path(name).stem, archive.read(name).decode("utf-8")
        return
    if not path.exists():
        raise TableError(
            f"cutoffs {path}: no such file or folder; expected FineWeb-2's configs as a folder, a zip or a .yml"
        )
    for file in sorted(path.glob("**/*.yml")) if path.is_dir() else [path]:
        if _is_config(file):
            yield file.stem, file.read_text("utf-8")


def _is_config(name: Path) -> bool:
    return name.suffix in (".yml", ".yaml") and bool(_LABEL.fullmatch(name.stem))


def _parse(text: str, label: str) -> Mapping[str, Any]:
    try:
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise TableError(f"cutoffs {label}: not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(config, Mapping):
        raise TableError(f"cutoffs {label}: the YAML holds no keys")
    return config
