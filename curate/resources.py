"""What a recipe names by path: models and lists, loaded before any work, and hashes of what measuring depends on."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curate.lid.calibration import load_cuts
from curate.lid.use import fetch
from curate.recipe import MIB, Language, Recipe, RecipeError
from curate.runfolder import filesystem
from filters.affinity import read_lists as read_affinity
from filters.ensemble import Calibration
from filters.flagged import read_lists
from filters.language import REMOTE_MODELS, calibration_path, known_labels, members, model_path
from filters.quality import ModelError, by_language, files
from filters.url import Blocklist


def hashed(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def content_hash(path: str) -> str:
    """A hash of a file, or of every file of a folder."""
    fs, inner = filesystem(path)
    if not fs.exists(inner):
        raise RecipeError(f"urls.blocklist: {path}: no such file or folder")
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(fs.find(inner)):
        digest.update(file[len(inner) :].encode() + b"\0" + fs.cat_file(file))
    return digest.hexdigest()


def quality_hash(name: str) -> str:
    """A hash of the model's files. An unusable one is found here, before any work."""
    try:
        by_language(name)
        return hashed([hashlib.blake2b(path.read_bytes()).hexdigest() for path in files(name)])
    except ModelError as error:
        raise RecipeError(f"quality.model: {error}") from None


def model_hash(name: str) -> str:
    """A hash of the model's file; of models that vote, of all their files and calibrations."""
    paths = [_model_file(member) for member in members(name)]
    try:
        known_labels(name)
        if len(paths) == 1:
            return file_hash(paths[0])
        calibrations = [Calibration.load(calibration_path(member)) for member in members(name)]
    except ValueError as error:
        raise RecipeError(f"language.model: {error}") from None
    return hashed([*map(file_hash, paths), *map(asdict, calibrations)])


def file_hash(path: Path) -> str:
    """A hash of the file's size and its first and last MiB: the whole of a large one would take a while."""
    digest = hashlib.blake2b(str(path.stat().st_size).encode(), digest_size=16)
    with path.open("rb") as file:
        digest.update(file.read(MIB))
        file.seek(max(0, path.stat().st_size - MIB))
        digest.update(file.read())
    return digest.hexdigest()


def _model_file(name: str) -> Path:
    """The file of one model, fetched where it is a published one that is not here yet."""
    try:
        return model_path(name)
    except ValueError as error:
        raise RecipeError(f"language.model: {error}") from None
    except FileNotFoundError as missing:
        if name not in REMOTE_MODELS:
            raise RecipeError(f"language.model: {missing}") from None
        try:
            return fetch(name)
        except Exception as error:  # whatever the network library raises
            raise RecipeError(f"language.model: {missing}; fetching it failed: {type(error).__name__}") from None


def language_cuts(chosen: Language) -> dict[str, float]:
    try:
        return load_cuts(chosen.cuts, chosen.model) if chosen.cuts else {}
    except ValueError as error:
        raise RecipeError(f"language.cuts: {error}") from None


def blocklist(recipe: Recipe) -> Blocklist:
    try:
        return Blocklist.load(recipe.urls.blocklist, categories=recipe.urls.categories or None)
    except (ValueError, OSError) as error:
        raise RecipeError(f"urls.blocklist: {error}") from None


def flagged_words(paths: str | tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The entries of all lists, by language."""
    found: dict[str, set[str]] = {}
    for path in (paths,) if isinstance(paths, str) else paths:
        try:
            for name, entries in read_lists(Path(path)).items():
                found.setdefault(name, set()).update(entries)
        except (ValueError, OSError) as error:
            raise RecipeError(f"words.flagged: {error}") from None
    return {name: tuple(sorted(entries)) for name, entries in sorted(found.items())}


def affinity_words(folder: str | None) -> dict[str, tuple[str, ...]]:
    try:
        return read_affinity(Path(folder)) if folder else {}
    except (ValueError, OSError) as error:
        raise RecipeError(f"words.affinity: {error}") from None
