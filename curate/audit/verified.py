"""Sites whose documents people found good: a list that an audit writes, a recipe names, and the shards' `verified` follows.

The list is TOML that may be edited: a bar, how many documents it asks for, and under `[sites]` the hosts of each language.
A host stands for its subdomains too.
"""

import re
import tomllib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import tomli_w

from curate.recipe import RecipeError
from filters.url import host

if TYPE_CHECKING:  # a run needs the list alone
    from curate.audit.figures import Site

BAR = 0.8  # of the interval's lower end
LEAST = 20  # judged documents

Verified = dict[str, frozenset[str]]  # hosts by language
_LABEL = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")


def passing(sites: Iterable["Site"], bar: float, least: int) -> "list[Site]":
    """The sites that are good enough, and looked at often enough."""
    return [site for site in sites if site.precision.low >= bar and site.precision.judged >= least]


def dump(sites: Iterable["Site"], bar: float, least: int) -> str:
    """The list of the sites that pass."""
    hosts: dict[str, list[str]] = {}
    for site in passing(sites, bar, least):
        hosts.setdefault(site.language, []).append(site.site)
    return tomli_w.dumps({"bar": bar, "least": least, "sites": {name: sorted(hosts[name]) for name in sorted(hosts)}})


def load(path: str | None) -> Verified | None:
    """The list of a recipe. Raises RecipeError."""
    if path is None:
        return None
    try:
        with fsspec.open(path, "rb") as file:
            raw = tomllib.loads(file.read().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"audit.verified: {path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"audit.verified: {path}: not TOML: {error}") from None
    if not isinstance(raw.get("sites"), dict):
        raise RecipeError(
            f"audit.verified: {path}: it has no [sites]; `curate audit read --verified` writes such a list"
        )
    return {label: _hosts(path, label, listed) for label, listed in raw["sites"].items()}


def _hosts(path: str, label: str, listed: Any) -> frozenset[str]:
    where = f"audit.verified: {path}: sites.{label[:40]}"
    if not _LABEL.fullmatch(label):
        raise RecipeError(f"{where}: no language; write it as hin_Deva")
    if not isinstance(listed, list):
        raise RecipeError(f"{where}: no list of hosts")
    return frozenset(_host(where, entry) for entry in listed)


def _host(where: str, entry: Any) -> str:
    name = host(f"//{entry}") if isinstance(entry, str) and not re.search(r"[\s/?#@]", entry) else None
    if name is None or "." not in name:
        raise RecipeError(f"{where}: {str(entry)[:100]!r} is no host; write it as example.org")
    return name


def listed(verified: Verified | None) -> dict[str, list[str]] | None:
    """The same as plain data, in order."""
    return None if verified is None else {label: sorted(hosts) for label, hosts in sorted(verified.items())}


def column(verified: Verified | None, label: str, urls: pa.ChunkedArray) -> pa.Array:
    """Whether each document of a language is of a verified site; all null without a list."""
    if verified is None:
        return pa.nulls(len(urls), pa.bool_())
    hosts = verified.get(label, frozenset())
    return pa.array([_listed(hosts, url) for url in urls.to_pylist()] if hosts else [False] * len(urls), pa.bool_())


def _listed(hosts: frozenset[str], url: str | None) -> bool:
    name = host(url) or ""
    while name and name not in hosts:
        name = name.partition(".")[2]
    return bool(name)
