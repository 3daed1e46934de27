"""The cutoff table: per language an ordered list of rules and a stopword list, as a TOML file a linguist can edit."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thresholds.rule import DOCUMENT_METRICS, Provenance, Rule

ANY_LANGUAGE = "*"
SHIPPED = ("english", "universal", "setu")


class TableError(ValueError):
    """A cutoff table that cannot be used: one line with the file, the language and what would be right."""


@dataclass(frozen=True, slots=True)
class LanguageCutoffs:
    """What one language brings: rules in the order in which their reasons are counted, and stopwords.

    `withheld`: rules that were derived and are not applied; `provenance.flag` says why.
    """

    rules: tuple[Rule, ...] = ()
    stopwords: tuple[str, ...] = ()
    withheld: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class CutoffTable:
    """Rules for each label (`hin_Deva`); `*` holds those of every language not listed."""

    languages: Mapping[str, LanguageCutoffs]
    name: str = "cutoffs"
    description: str = ""
    _nothing: LanguageCutoffs = field(default=LanguageCutoffs(), repr=False)

    @classmethod
    def load(cls, path: str | Path) -> "CutoffTable":
        """Read a TOML file, or a shipped table by its name: english, universal, setu. Raises TableError."""
        if str(path) in SHIPPED:
            return cls.parse(
                resources.files("thresholds").joinpath(f"tables/{path}.toml").read_text("utf-8"), str(path)
            )
        try:
            return cls.parse(Path(path).read_text("utf-8"), str(path))
        except FileNotFoundError:
            raise TableError(
                f"cutoffs {path}: no such file, and no shipped table; shipped: {', '.join(SHIPPED)}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise TableError(f"cutoffs {path}: cannot be read: {error}") from None

    @classmethod
    def parse(cls, toml: str, where: str = "cutoffs") -> "CutoffTable":
        """Read TOML text; `where` names it in errors."""
        try:
            raw = tomllib.loads(toml)
        except tomllib.TOMLDecodeError as error:
            raise TableError(f"cutoffs {where}: not TOML: {error}") from None
        unknown = set(raw) - {"name", "description", "languages"}
        if unknown:
            raise TableError(f"cutoffs {where}: unknown key {min(unknown)!r}; known: name, description, languages")
        languages = {label: _language(entry, f"{where}, {label}") for label, entry in raw.get("languages", {}).items()}
        return cls(languages, raw.get("name", Path(where).stem), raw.get("description", ""))

    def dump(self) -> str:
        """TOML, one rule a line."""
        head = f"name = {_quote(self.name)}\ndescription = {_quote(self.description)}\n"
        return head + "".join(_dump_language(label, entry) for label, entry in self.languages.items())

    def of(self, label: str) -> LanguageCutoffs:
        """The language's own entry, else that of `*`, else nothing."""
        return self.languages.get(label) or self.languages.get(ANY_LANGUAGE) or self._nothing

    @property
    def stopwords(self) -> dict[str, tuple[str, ...]]:
        return {label: entry.stopwords for label, entry in self.languages.items() if entry.stopwords}

    def with_stopwords(self, stopwords: Mapping[str, tuple[str, ...]]) -> "CutoffTable":
        """The table with these lists in place of its own; a language without rules of its own keeps those of `*`."""
        lists = {**self.stopwords, **stopwords}
        default = self.languages.get(ANY_LANGUAGE, self._nothing)
        labels = [*self.languages, *(label for label in lists if label not in self.languages)]
        entries = {
            label: replace(self.languages.get(label, default), stopwords=lists.get(label, ())) for label in labels
        }
        return replace(self, languages=entries)

    @cached_property
    def slots(self) -> tuple[tuple[str, str, int], ...]:
        """Every (metric, operator, n-th use of that pair) that any language has.

        One slot is one column of cutoffs when the JVM evaluates the whole table at once.
        """
        return tuple(dict.fromkeys(slot for entry in self.languages.values() for slot in slots_of(entry.rules)))

    def apply(
        self, signals: pa.StructArray, language: pa.StringArray, *, columns: Mapping[str, pa.Array] | None = None
    ) -> pa.ListArray:
        """Drop reasons of each document, in the order of its language's rules; an empty list: kept.

        `columns` brings the document metrics that are no signals (language_score, quality); a table that has a rule
        for one which is missing raises TableError, because leaving the rule out would keep what it should drop.
        """
        values = _Values(signals, columns or {})
        labels = pc.dictionary_encode(language)
        codes = labels.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        fired: list[tuple[str, np.ndarray]] = []  # reason, rows: in the order of the language's rules
        for code, label in enumerate(labels.dictionary.to_pylist()):
            rows = np.flatnonzero(codes == code)
            for rule in self.of(label).rules:
                fired.append((rule.reason, rows[rule.fires(values[rule.metric][rows])]))
        return _by_row(fired, len(language))


def slots_of(rules: tuple[Rule, ...]) -> list[tuple[str, str, int]]:
    """The slot of each rule, in order."""
    seen: dict[tuple[str, str], int] = {}
    slots = []
    for rule in rules:
        use = seen.get((rule.metric, rule.operator), 0)
        seen[rule.metric, rule.operator] = use + 1
        slots.append((rule.metric, rule.operator, use))
    return slots


def _by_row(fired: list[tuple[str, np.ndarray]], documents: int) -> pa.ListArray:
    """(reason, rows) pairs as a list of reasons for each row, in the order of the pairs."""
    rows = np.concatenate([rows for _, rows in fired]) if fired else np.empty(0, np.int64)
    reasons = np.repeat(np.arange(len(fired)), [len(rows) for _, rows in fired])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=documents))])
    names = pa.array([reason for reason, _ in fired], pa.string())
    values = names.take(pa.array(reasons[np.argsort(rows, kind="stable")], pa.int64()))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


class _Values:
    """Metrics as float64 arrays with NaN for null, converted when first asked for."""

    def __init__(self, signals: pa.StructArray, columns: Mapping[str, pa.Array]) -> None:
        self._signals, self._columns, self._cache = signals, columns, dict[str, np.ndarray]()

    def __getitem__(self, metric: str) -> np.ndarray:
        if metric not in self._cache:
            self._cache[metric] = (
                self._array(metric).cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
            )
        return self._cache[metric]

    def _array(self, metric: str) -> pa.Array:
        if metric in self._columns:
            return self._columns[metric]
        if metric in DOCUMENT_METRICS or self._signals.type.get_field_index(metric) < 0:
            raise TableError(f"a rule needs {metric}, which was not given; pass it in columns")
        return pc.struct_field(self._signals, metric)  # a null document is null in each of its signals


def _language(entry: dict[str, Any], where: str) -> LanguageCutoffs:
    unknown = set(entry) - {"rules", "stopwords", "withheld"}
    if unknown:
        raise TableError(f"cutoffs {where}: unknown key {min(unknown)!r}; known: rules, stopwords, withheld")
    rules, withheld = (
        tuple(_rule(rule, f"{where}, {part} {n}") for n, rule in enumerate(entry.get(part, []), start=1))
        for part in ("rules", "withheld")
    )
    return LanguageCutoffs(rules, tuple(entry.get("stopwords", [])), withheld)


_RULE_KEYS = ("metric", "operator", "cutoff", "group")
_ORIGIN_KEYS = tuple(field.name for field in fields(Provenance))


def _rule(raw: dict[str, Any], where: str) -> Rule:
    unknown = set(raw) - {*_RULE_KEYS, *_ORIGIN_KEYS}
    if unknown:
        raise TableError(
            f"cutoffs {where}: unknown key {min(unknown)!r}; known: {', '.join(_RULE_KEYS + _ORIGIN_KEYS)}"
        )
    missing = {"metric", "operator", "cutoff"} - set(raw)
    if missing:
        raise TableError(f"cutoffs {where}: no {' and no '.join(sorted(missing))}")
    origin: dict[str, Any] = {
        key: tuple(raw[key]) if key == "interval" else raw[key] for key in _ORIGIN_KEYS if key in raw
    }
    try:
        return Rule(**{key: raw[key] for key in _RULE_KEYS if key in raw}, provenance=Provenance(**origin))
    except ValueError as error:
        raise TableError(f"cutoffs {where}: {error}") from None


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML basic string


def _dump_language(label: str, entry: LanguageCutoffs) -> str:
    lines = [f"\n[languages.{_quote(label)}]"]
    if entry.stopwords:
        lines.append(f"stopwords = [{', '.join(map(_quote, entry.stopwords))}]")
    for part, rules in (("rules", entry.rules), ("withheld", entry.withheld)):
        if rules or part == "rules":
            lines += [f"{part} = [", *(f"  {{ {_dump_rule(rule)} }}," for rule in rules), "]"]
    return "\n".join(lines) + "\n"


def _dump_rule(rule: Rule) -> str:
    keys = {"metric": rule.metric, "operator": rule.operator, "cutoff": rule.cutoff, "group": rule.group}
    keys |= {key: value for key, value in asdict(rule.provenance).items() if value is not None}
    return ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
