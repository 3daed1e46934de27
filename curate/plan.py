"""What a run will read, and whether the output folder already holds part of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curate import benchmarks, forgotten
from curate.audit import verified
from curate.audit.verified import Verified
from curate.dedup import index
from curate.dedup.index import Index
from curate.pdf.documents import PageSettings
from curate.recipe import MIB, Dedup, Recipe, RecipeError
from curate.resources import (
    affinity_words,
    blocklist,
    content_hash,
    file_hash,
    flagged_words,
    hashed,
    language_cuts,
    model_hash,
    quality_hash,
)
from curate.runfolder import (
    RunFolder,
    exists,
    filesystem,
    join,
    list_files,
    read_all_json,
    read_json,
    write_json,
)
from curate.sources import list_inputs, plan_splits
from curate.sources.listing import PDF_FORMATS
from curate.sources.record import Split
from curate.steps import check
from curate.work import Settings, Unit
from filters.columns import SCHEMA_VERSION
from filters.mixed_words import MODEL as WORD_MODEL
from thresholds.calibrate import check_methods
from thresholds.page_rules import PageRules
from thresholds.rule import KNOWN_METRICS
from thresholds.table import CutoffTable

ARCHIVES = ("warc", "arc")
PDF_UNIT_BYTES = MIB  # a byte of a PDF takes longer than one of a page, above all where it is a scan
UNIT_BYTES = 4 * MIB  # small files are read together until they make this much


@dataclass(frozen=True)
class Plan:
    """A resolved run: settings, units of work, and the two fingerprints."""

    recipe: Recipe
    table: CutoffTable
    settings: Settings
    units: tuple[Unit, ...]
    measure_key: dict[str, Any]  # what measuring depends on
    folder: RunFolder
    index: Index | None = None  # what earlier runs kept
    verified: Verified | None = None  # sites that people judged good
    pdf_units: tuple[Unit, ...] = ()  # what is read into pages/ before measuring
    pages_key: dict[str, Any] = field(default_factory=dict)  # what reading pages depends on

    @property
    def bytes(self) -> int:
        """Of the input: pages that were read from it are not counted again."""
        return sum(split.bytes for split in self._inputs)

    @property
    def files(self) -> int:
        return len({split.file for split in self._inputs})

    @property
    def _inputs(self) -> list[Split]:
        texts = [split for unit in self.units for split in unit.splits]
        read = [split for unit in self.pdf_units for split in unit.splits]
        given = {(split.file, split.start) for split in texts}
        own = self.folder.pages + "/"
        return [s for s in texts if not s.file.startswith(own)] + [s for s in read if (s.file, s.start) not in given]

    @property
    def cluster_fingerprint(self) -> str:
        """Of the duplicate clusters: they do not depend on cutoffs, so that another table need not find them again."""
        return _cluster_fingerprint(self.measure_key, [_names(unit.splits) for unit in self.units], self.recipe.dedup)

    @property
    def fingerprint(self) -> str:
        """Of the decisions: the measured documents and all that is decided and written with."""
        parts = {
            "measure": self.measure_key,
            "units": [_names(unit.splits) for unit in self.units],
            "cutoffs": self.table.dump(),
            "languages": self.recipe.languages,
            "dedup": self.recipe.dedup.model_dump(),
            "boilerplate": self.recipe.boilerplate.model_dump() if self.recipe.boilerplate.lines else None,
            "write": self.recipe.write.model_dump(),
            "index": self.index and self.index.older,
            "verified": verified.listed(self.verified),
        }
        return hashed(parts)


@dataclass(frozen=True)
class Opened:
    """A run folder whose documents are all measured: what calibration, previews and comparisons read."""

    folder: RunFolder
    dedup: Dedup
    cluster_fingerprint: str


def opened(root: str) -> Opened:
    """The measured run at `root`. Raises RecipeError where there is none, or measuring is unfinished."""
    folder = RunFolder(absolute(root))
    if not exists(folder.run):
        raise RecipeError(f"{root}: no run folder: it has no run.json; measure it first with `curate run`")
    stored = read_json(folder.run)
    missing = len(stored["units"]) - len(list_files(folder.measured_commits, ".json"))
    if missing:
        raise RecipeError(
            f"{root}: {missing:,} of its {len(stored['units']):,} parts are not measured yet; `curate run` again"
        )
    dedup = Dedup.model_validate(stored["dedup"])
    names = [[(split["file"], split["start"], split["end"]) for split in unit] for unit in stored["units"]]
    return Opened(folder, dedup, _cluster_fingerprint(stored["measure"], names, dedup))


def _cluster_fingerprint(measure_key: dict[str, Any], units: list[list[tuple[str, int, int]]], dedup: Dedup) -> str:
    return hashed({"measure": measure_key, "units": units, "dedup": dedup.clustering})


def make(recipe: Recipe) -> Plan:
    """List the inputs and load the tables; no work yet. Raises RecipeError, TableError or InputError."""
    table, folder, sites = _table(recipe), RunFolder(absolute(recipe.output)), verified.load(recipe.audit.verified)
    settings = Settings(
        recipe,
        table.stopwords,
        flagged_words(recipe.words.flagged),
        blocklist(recipe),
        benchmarks.load(recipe.decontaminate),
        forgotten.load_list(recipe.forget.list) | forgotten.stored(folder),
        language_cuts(recipe.language),
        affinity_words(recipe.words.affinity),
        PageSettings(PageRules.load(recipe.pdf.cutoffs), recipe.pdf.genres),
    )
    files = list_inputs(recipe.input, format=recipe.format)
    splits = plan_splits(files, target_bytes=recipe.limits.split_bytes)
    pdfs = [split for split in splits if split.format in (*PDF_FORMATS, *(ARCHIVES if recipe.pdf.archives else ()))]
    pages_key = _pages_key(recipe)
    pdf_units = continued(folder, folder.pages_plan, pages_key, pdfs, PDF_UNIT_BYTES) if pdfs else ()
    if pdfs and find_spec("pymupdf") is None:
        raise RecipeError(f"{pdfs[0].file}: PDFs need PyMuPDF: pip install 'multicurate[pdf]'")
    if pdfs and recipe.pdf.ocr:
        _check_engines(recipe)
    texts = [split for split in splits if split.format not in PDF_FORMATS] + pages_read(folder)
    key = _measure_key(recipe, settings)
    units = continued(folder, folder.run, key, texts, min(UNIT_BYTES, recipe.limits.split_bytes))
    return Plan(
        recipe, table, settings, units, key, folder, _index(recipe.dedup, key, units), sites, pdf_units, pages_key
    )


def _check_engines(recipe: Recipe) -> None:
    """An engine that is not installed must not come to light page by page."""
    from filters.ocr.engine import EngineError
    from filters.ocr.tasks import chosen

    if "paddle" in recipe.pdf.ocr and find_spec("paddleocr") is None:
        raise RecipeError("pdf.ocr: paddle is not installed: pip install 'multicurate[paddle]'")
    try:
        chosen(list(recipe.pdf.ocr), list(recipe.pdf_languages), recipe.pdf.paddle_models)
    except EngineError as error:
        raise RecipeError(f"pdf.ocr: {error}") from None


def pages_read(folder: RunFolder) -> list[Split]:
    """The files of pages that this run has read so far. Their bytes are those of the PDFs: forgetting changes a file."""
    commits = sorted(read_all_json(folder.pages_commits), key=lambda commit: commit["unit"])
    found = [commit for commit in commits if commit["pages"]]
    return [Split(file=join(folder.pages, c["file"]), format="pages", bytes=c["bytes"]) for c in found]


def _index(dedup: Dedup, measure_key: dict[str, Any], units: Sequence[Unit]) -> Index | None:
    if dedup.index is None or not dedup.enabled or not units:
        return None
    return index.opened(absolute(dedup.index), dedup, _index_run(measure_key, _names(units[0].splits)))


def _index_run(measure_key: dict[str, Any], first: list[tuple[str, int, int]]) -> str:
    return hashed({"measure": measure_key, "first": first})


def index_entry(folder: RunFolder) -> str | None:
    """Where the index of earlier runs holds what this one kept; None: it has no index, or nothing is measured."""
    stored = read_json(folder.run) if exists(folder.run) else {"units": []}
    if not stored["units"] or not stored["dedup"].get("index"):
        return None
    first = [(split["file"], split["start"], split["end"]) for split in stored["units"][0]]
    return join(absolute(stored["dedup"]["index"]), f"run={_index_run(stored['measure'], first)}")


def _table(recipe: Recipe) -> CutoffTable:
    """The recipe's cutoffs with its stopwords; where they are to be derived, the stopwords alone for now."""
    table = CutoffTable({}, "derive", "to be derived") if recipe.derives else CutoffTable.load(recipe.cutoffs)
    if recipe.derives:
        if not recipe.calibrate.reference:
            raise RecipeError(
                'cutoffs = "derive": calibrate.reference is missing: run folders of clean text, English among it'
            )
        check_methods(recipe.calibrate.methods)  # an error in them must not wait until all is measured
        for run in recipe.calibrate.reference:
            opened(run)
    strange = (rule.metric for entry in table.languages.values() for rule in entry.rules)
    if unknown := next((metric for metric in strange if metric not in KNOWN_METRICS), None):
        raise RecipeError(f"cutoffs {table.name}: {unknown} is a metric of pages; give such a table as pdf.cutoffs")
    if recipe.words.stopwords is None:
        return table.with_stopwords(CutoffTable.load("universal").stopwords) if recipe.derives else table
    return table.with_stopwords(CutoffTable.load(recipe.words.stopwords).stopwords)


def save_pages(plan: Plan) -> None:
    """Record what is read into pages/, as `save` does."""
    units = [[asdict(split) for split in unit.splits] for unit in plan.pdf_units]
    write_json(plan.folder.pages_plan, {"measure": plan.pages_key, "units": units})


def save(plan: Plan) -> None:
    """Record the plan, so that a rerun gives each unit the same number."""
    units = [[asdict(split) for split in unit.splits] for unit in plan.units]
    write_json(plan.folder.run, {"measure": plan.measure_key, "units": units, "dedup": plan.recipe.dedup.model_dump()})


def absolute(output: str) -> str:
    return output.rstrip("/") if "://" in output else str(Path(output).expanduser().absolute())


def _pages_key(recipe: Recipe) -> dict[str, Any]:
    names = {"languages", "ocr", "paddle_models", "dpi", "file_bytes", "pages"}
    return {
        "schema": SCHEMA_VERSION,
        "pdf": recipe.pdf.model_dump(mode="json", include=names),
        "screen": sorted(recipe.languages) if recipe.screened else [],
        "language": model_hash(recipe.language.model),
        "archives": recipe.limits.record_bytes if recipe.pdf.archives else None,
    }


def _measure_key(recipe: Recipe, settings: Settings) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "extract": recipe.extract.model_dump(exclude={"timeout_seconds", "memory_mb"}),
        "screen": sorted(recipe.languages) if recipe.screened else [],
        "pdf": hashed({"rules": settings.pages.rules.table.dump(), "genres": dict(settings.pages.genres)}),
        "language": {"model": model_hash(recipe.language.model)}
        | ({"cuts": settings.cuts} if settings.cuts else {})
        | ({"mixed": recipe.language.mixed, "words": file_hash(WORD_MODEL)} if recipe.language.mixed else {}),
        "urls": {
            "blocklist": [content_hash(path) for path in recipe.urls.blocklist],
            "categories": list(recipe.urls.categories),
        },
        "clean": recipe.clean.model_dump(mode="json"),
        "steps": check(recipe.steps, recipe.languages),
        "quality": recipe.quality.model and quality_hash(recipe.quality.model),
        "words": {
            "stopwords": hashed(settings.stopwords),
            "flagged": hashed(settings.flagged_words),
            "affinity": hashed(settings.affinity_words),
        },
        "dedup": recipe.dedup.model_dump(include={"ngram", "seed"}) | {"permutations": recipe.dedup.permutations},
        "decontaminate": settings.benchmarks
        and {"benchmarks": settings.benchmarks.digest} | recipe.decontaminate.model_dump(include={"ngram", "action"}),
        "boilerplate": recipe.boilerplate.model_dump(include={"words"}) if recipe.boilerplate.lines else None,
        "limits": recipe.limits.model_dump(include={"record_bytes", "split_bytes"}),
    }


def _names(splits: Sequence[Split]) -> list[tuple[str, int, int]]:
    return [(split.file, split.start, split.end) for split in splits]


def continued(
    folder: RunFolder, stored: str, key: dict[str, Any], splits: list[Split], unit_bytes: int
) -> tuple[Unit, ...]:
    """The folder's units where it holds this run already, new input after them. Raises RecipeError for another run.

    `stored` is the file with the plan of the stage that asks: pages or measure.
    """
    if not exists(stored):
        _refuse_other_content(folder)
        return tuple(Unit(n, group) for n, group in enumerate(_packed(splits, unit_bytes)))
    before = read_json(stored)
    changed = [name for name in key if before["measure"].get(name) != key[name]]
    if changed:
        raise RecipeError(
            f"output {folder.root} holds another run: it was measured with other settings of {', '.join(changed)};"
            " give another --output, or delete the folder to measure again"
        )
    known = [Unit(n, tuple(Split(**split) for split in unit)) for n, unit in enumerate(before["units"])]
    now = {name: split.bytes for name, split in zip(_names(splits), splits, strict=True)}
    for split in (split for unit in known for split in unit.splits):
        if now.pop((split.file, split.start, split.end), None) != split.bytes:
            raise RecipeError(
                f"output {folder.root} holds another run: it read {split.file}, which is not in the input now or has changed;"
                " give another --output"
            )
    new = [split for split in splits if (split.file, split.start, split.end) in now]
    return (*known, *(Unit(len(known) + n, group) for n, group in enumerate(_packed(new, unit_bytes))))


def _refuse_other_content(folder: RunFolder) -> None:
    fs, inner = filesystem(folder.root)
    if not fs.exists(inner):
        return
    if not fs.isdir(inner):
        raise RecipeError(f"output {folder.root} is a file; a run needs a folder of its own")
    if fs.ls(inner) and not exists(folder.pages_plan):
        raise RecipeError(f"output {folder.root} is not empty and holds no run; give an empty or new folder")


def _packed(splits: Sequence[Split], unit_bytes: int) -> list[tuple[Split, ...]]:
    """Small files together, in order; the result depends on the input alone, not on the machine."""
    groups: list[list[Split]] = []
    held = 0
    for split in splits:
        if not groups or held + split.bytes > unit_bytes:
            groups.append([])
            held = 0
        groups[-1].append(split)
        held += split.bytes
    return [tuple(group) for group in groups]
