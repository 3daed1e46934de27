"""FineWeb-2's per-language YAML files as a cutoff table and back (Penedo et al. 2025, arXiv 2506.20920, section 4.4).

The files hold what was adapted; what FineWeb-2 fixed for every language is added here. Values that its own code reads
as "off" (a falsy limit, a share no document can exceed, a punctuation share of 0 or less) become no rule at all; where
the table has no rule, `export` writes such a value.
"""

import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
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

# YAML key -> (metric, operator, what the code reads as off). `max_non_alpha_words_ratio` is a minimum, its name
# notwithstanding.
_KEYS: Mapping[str, tuple[str, str, float]] = {
    "dup_line_frac": ("duplicate_line_ratio", ">", 0),
    "language_score": ("language_score", "<", 0.0),
    "line_punct_thr": ("terminal_punctuation_line_ratio", "<", -1),
    "max_avg_word_length": ("mean_word_length", ">", 0),
    "max_non_alpha_words_ratio": ("alphabetic_word_ratio", "<", 0.0),
    "min_avg_word_length": ("mean_word_length", "<", 0),
    "new_line_ratio": ("newline_word_ratio", ">", math.inf),  # any number is a limit here, 0 too
}
_TOP, _DUPLICATE = range(2, 5), range(5, 11)  # words of the n-grams
Triple = tuple[str, str, float]  # metric, operator, cutoff


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
            *_rules("language", PUBLISHED, _language(config)),
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


def _language(config: Mapping[str, Any]) -> Iterator[Triple]:
    if config["language_score"]:
        yield "language_score", "<", config["language_score"]


def _repetition(config: Mapping[str, Any]) -> Iterator[Triple]:
    if 0 < config["dup_line_frac"] < 1:
        yield "duplicate_line_ratio", ">", config["dup_line_frac"]
    for n, cutoff in config["top_n_grams"]:
        yield f"top_{n}gram_character_ratio", ">", cutoff
    for n, cutoff in config["dup_n_grams"]:
        yield f"duplicate_{n}gram_character_ratio", ">", cutoff


def _fineweb(config: Mapping[str, Any]) -> Iterator[Triple]:
    if config["line_punct_thr"] > 0:
        yield "terminal_punctuation_line_ratio", "<", config["line_punct_thr"]
    if config["new_line_ratio"] != math.inf:
        yield "newline_word_ratio", ">", config["new_line_ratio"]


def _gopher(config: Mapping[str, Any]) -> Iterator[Triple]:
    for key in ("min_avg_word_length", "max_avg_word_length", "max_non_alpha_words_ratio"):
        metric, operator, _ = _KEYS[key]
        if config[key]:
            yield metric, operator, config[key]


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


@dataclass(frozen=True)
class Export:
    """What `export` made of a table: YAML by label, and where the format says something else than the table did."""

    files: Mapping[str, str]
    lost: Mapping[Triple, int]  # rules that no file can hold -> languages
    added: Mapping[Triple, int]  # rules of FineWeb-2's own code that the table did not have -> languages
    skipped: tuple[str, ...]  # entries that are no language: `*`


def export(table: CutoffTable, languages: Collection[str] = ()) -> Export:
    """The table as FineWeb-2's YAML files; only `languages` where given, those without an entry from that of `*`.

    Raises TableError for a label that is none, or that the table has no rules for. Labels become file names, and
    nothing but three small letters, an underscore and a script's four letters passes.
    """
    for label in languages:
        if not _LABEL.fullmatch(label):
            raise TableError(f"cutoffs {table.name}: {label!r} is no language; write it as hin_Deva")
        if not table.of(label).rules:
            raise TableError(f"cutoffs {table.name}: no rules for {label}")
    labels = languages or [label for label in table.languages if _LABEL.fullmatch(label)]
    if not labels:
        raise TableError(f"cutoffs {table.name}: it has no language of its own; name those to write, as hin_Deva")
    configs = {label: config(table.of(label)) for label in sorted(labels)}
    lost: Counter[Triple] = Counter()
    added: Counter[Triple] = Counter()
    for label, each in configs.items():
        before, after = (
            [(rule.metric, rule.operator, rule.cutoff) for rule in rules]
            for rules in (table.of(label).rules, convert(each, label).rules)
        )
        lost.update({rule for rule in before if not _implied(rule, after)})
        added.update({rule for rule in after if not _implied(rule, before) and _applies(rule, each)})
    skipped = () if languages else tuple(label for label in table.languages if label not in configs)
    return Export({label: _yaml(each) for label, each in configs.items()}, lost, added, skipped)


def config(entry: LanguageCutoffs) -> dict[str, Any]:
    """One language's rules under FineWeb-2's keys; of several for one key the strictest."""
    rules = [(rule.metric, rule.operator, rule.cutoff) for rule in entry.rules]
    values = {key: _strictest(rules, metric, operator, off) for key, (metric, operator, off) in _KEYS.items()}
    stopwords = list(entry.stopwords) if any(metric == "stopwords" for metric, _, _ in rules) else []
    return values | {
        "dup_n_grams": _ngrams(rules, "duplicate", _DUPLICATE),
        "stopwords": stopwords,
        "top_n_grams": _ngrams(rules, "top", _TOP),
    }


def _strictest(rules: Iterable[Triple], metric: str, operator: str, off: float) -> float:
    cutoffs = [cutoff for *slot, cutoff in rules if slot == [metric, operator]]
    if not cutoffs:
        return off
    return min(cutoffs) if operator == ">" else max(cutoffs)


def _ngrams(rules: Iterable[Triple], kind: str, sizes: Iterable[int]) -> list[list[float]]:
    rules = list(rules)
    found = [[n, _strictest(rules, f"{kind}_{n}gram_character_ratio", ">", math.inf)] for n in sizes]
    return [[n, cutoff] for n, cutoff in found if cutoff != math.inf]


def _implied(rule: Triple, others: Iterable[Triple]) -> bool:
    """Whether one of the others drops all that `rule` drops, or there is nothing that it could drop."""
    metric, operator, cutoff = rule
    if cutoff <= 0 if operator == "<" else operator == ">" and cutoff >= 1 and metric.endswith("_line_ratio"):
        return True
    strict = [other for *slot, other in others if slot == [metric, operator]]
    return any(other >= cutoff if operator == "<" else other <= cutoff for other in strict)


def _applies(rule: Triple, config: Mapping[str, Any]) -> bool:
    return rule[0] != "stopwords" or bool(config["stopwords"])


def _yaml(config: Mapping[str, Any]) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(dict(config), Dumper=dumper, allow_unicode=True, sort_keys=True))
