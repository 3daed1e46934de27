"""A recipe: TOML read into frozen models that forbid unknown keys. Every user error is one line with the key."""

import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from filters.bands import choose
from filters.columns import PERMUTATIONS
from filters.line_rules import LineRule

MIB = 1024 * 1024
Label = Annotated[str, Field(pattern=r"^[a-z]{3}_[A-Z][a-z]{3}$")]
Share = Annotated[float, Field(gt=0, le=1)]


class RecipeError(ValueError):
    """A recipe that cannot be run: one line with the file, the key, and what would be right."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Extract(_Section):
    """How a page becomes text."""

    extractor: Literal["trafilatura", "resiliparse", "plain"] = "trafilatura"
    screen: bool = True  # with `languages`: identify cheap text first, extract only pages in a wanted language
    timeout_seconds: float = Field(10.0, gt=0)  # a page that takes longer fails as extractor_timeout
    memory_mb: int = Field(2048, ge=256)  # address space of the extracting process


Genre = Literal["verse", "title", "table", "comic"]


class Pdf(_Section):
    """How PDFs become text. The pages, with all their signals, lie in pages/; an input of its own for another run."""

    archives: bool = False  # read the PDFs inside WARC files too; else they are dropped as pdf
    languages: tuple[
        Label, ...
    ] = ()  # that the PDFs are in, for OCR and text layers in a wrong encoding; empty: `languages`
    # Engines for pages without a usable text layer, the first that reads a language of theirs; empty: none, they are dropped
    ocr: tuple[Literal["tesseract", "paddle"], ...] = ()
    paddle_models: str | None = None  # folder with PaddleOCR's detection/ and recognition/; none: its hub
    dpi: int = Field(200, ge=72, le=600)  # of the image that an engine is given
    cutoffs: str = "pages"  # for pages: a shipped table (pages, setu-pages) or a TOML file
    genres: dict[str, Genre] = {}  # rules waived, by glob over a PDF's path or URL: { "*/poems/*" = "verse" }
    file_bytes: int = Field(256 * MIB, ge=1024)  # a larger PDF fails as too_large; in a WARC limits.record_bytes holds
    pages: int = Field(20_000, ge=1)  # a PDF with more fails as too_many_pages
    page_seconds: float = Field(30.0, gt=0)  # a page that takes longer fails as pdf_timeout
    ocr_seconds: float = Field(180.0, gt=0)  # the same in an OCR engine: ocr_timeout
    memory_mb: int = Field(2048, ge=256)  # address space of the parsing process

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.paddle_models is not None and "paddle" not in self.ocr:
            raise ValueError('paddle_models is for ocr = ["paddle"]')
        return self


class Language(_Section):
    """How the language is found."""

    model: str = "default"  # default, lid.176, glotlid, or the path of a fastText model; default+lid.176: they vote
    cuts: str | None = None  # TOML from `curate lid cuts`: the score below which a language's documents are und
    # Find the languages of lines and words (code_mixing_index, the column `languages`), and keep a page in several
    # languages whole, or split it into a document a language; none: don't look
    mixed: Literal["keep", "split"] | None = None


class Urls(_Section):
    """Which sites are turned away unread."""

    blocklist: tuple[str, ...] = ()  # UT1 folders, or files of hosts
    categories: tuple[str, ...] = ()  # of a UT1 folder; empty: all


class Clean(_Section):
    """What is edited in the text."""

    pii: bool = True  # replace e-mail addresses, IP addresses and phone numbers by placeholders
    line_rules: tuple[LineRule, ...] = ()  # remove lines before measuring: see filters/line_rules.py


class Decontaminate(_Section):
    """Documents that contain an n-gram of a benchmark. Texts of 8 words up to an n-gram are looked for whole."""

    benchmarks: tuple[str, ...] = ()  # files, folders or globs: JSON lines, Parquet, .txt (a line a record); empty: off
    fields: tuple[str, ...] = ()  # of a record; empty: every string in it
    ngram: int = Field(13, ge=5, le=100)  # words; as many characters as make them in scripts without spaces
    action: Literal["drop", "cut"] = "drop"  # the document, or only what overlaps


class Boilerplate(_Section):
    """Lines that a site repeats; they are cut from all its documents, and one that is nothing else is dropped."""

    lines: int = Field(0, ge=0)  # documents of one host that a line must be in, copies counted once; 0: off
    share: float = Field(0.1, ge=0, le=1)  # and at least this share of that host's documents
    words: int = Field(3, ge=1)  # shorter lines stay


class Forget(_Section):
    """What is never to be read, and is blanked where this run has read it before."""

    list: str | None = None  # a file: an id, URL or host a line


class Step(_Section):
    """A datatrove filter or formatter (or your own subclass), run on each text before it is measured; in order."""

    # import path, for example datatrove.pipeline.filters.C4QualityFilter
    block: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    options: dict[str, Any] = {}  # keyword arguments of the block


class Words(_Section):
    """Word lists measured against."""

    # Folders or .zip of lists, a word or phrase a line: <lang_Script>.txt, or LDNOOBW's files named hi, th ...
    flagged: str | tuple[str, ...] = ()
    stopwords: str | None = None  # a cutoff table whose stopword lists to use: from `curate calibrate --stopwords`
    affinity: str | None = (
        None  # folder of <lang_Script>.txt, a word a line: from `curate affinity build`, or FineWeb-2's
    )


class Calibrate(_Section):
    """How `cutoffs = "derive"` finds the cutoffs, after measuring and before deciding."""

    reference: tuple[str, ...] = ()  # run folders of clean text, English (the anchor) among it
    methods: dict[str, str] = {}  # by group of rules, as method:population; all = "contrast"; empty: FineWeb-2's choice
    budget: float = Field(0.05, gt=0, lt=1)  # of contrast: the share of the reference that all rules together may cost


class Dedup(_Section):
    """MinHash over word n-grams: documents that share a band of rows are copies; `curate plan` prints what that finds."""

    enabled: bool = True
    ngram: int = Field(5, ge=1)
    bands: int = Field(14, ge=1)
    rows: int = Field(8, ge=1)
    seed: int = 1
    # Instead of bands and rows: the share of pairs at `similarity` or above that may be missed; datasketch chooses
    false_negatives: float | None = Field(None, gt=0, lt=1)
    verify: Literal["estimate", "jaccard"] | None = None  # look again at pairs by their signatures, or by their text
    similarity: float = Field(0.7, gt=0, lt=1)  # Jaccard; below it `verify` cuts a pair
    url: bool = False  # documents of one crawl with the same normalised URL are copies whatever their text
    index: str | None = None  # folder of what earlier runs kept: copies of it are dropped, and this run is added
    rehydrate: int = Field(0, ge=0)  # most times that a kept document may be repeated, as a column; 0: once

    @model_validator(mode="after")
    def _chosen(self) -> Self:
        if self.false_negatives is not None:
            bands, rows = choose(self.similarity, self.false_negatives)
            given = {"bands": self.bands, "rows": self.rows}
            if any(given[name] != {"bands": bands, "rows": rows}[name] for name in self.model_fields_set & {*given}):
                raise ValueError(
                    f"false_negatives chooses {bands} bands of {rows} rows; give no bands and rows, or these"
                )
            self.__dict__.update(bands=bands, rows=rows)  # frozen for others
        return self

    @property
    def permutations(self) -> int:
        """Values of a signature: enough for other bands and rows without measuring again."""
        return max(PERMUTATIONS, self.bands * self.rows)

    @property
    def clustering(self) -> dict[str, Any]:
        """What the clusters depend on."""
        names = {"enabled", "ngram", "bands", "rows", "seed", "verify", "url"}
        return self.model_dump(include=names | {"similarity"} if self.verify else names)


class Quality(_Section):
    """A quality classifier, and how much of each language it keeps."""

    model: str | None = None  # from `curate quality train`: a .ftz, or a folder of them; fills the column `quality`
    # The share to keep of a language's documents that pass all other rules: 0.3, or by language: { hin_Deva = 0.3 }
    keep: Share | dict[Label, Share] = 1.0

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.keep != 1.0 and self.model is None:
            raise ValueError("keep needs a model: `curate quality train` makes one")
        return self

    def rate_of(self, label: str) -> float:
        """The share of the language to keep; 1: no cut."""
        return self.keep.get(label, 1.0) if isinstance(self.keep, dict) else self.keep


class Audit(_Section):
    """What people found."""

    verified: str | None = None  # a list of sites, from `curate audit read --verified`: fills the column `verified`


class Limits(_Section):
    """Bounds on what one record or task may take."""

    record_bytes: int = Field(16 * MIB, ge=1024)  # a larger page or line fails as too_large
    split_bytes: int = Field(128 * MIB, ge=1024)  # input read by one task, as stored
    buffer_bytes: int = Field(256 * MIB, ge=MIB)  # measured text a task holds before it writes


class Write(_Section):
    """What the shards look like."""

    shard_bytes: int = Field(512 * MIB, ge=MIB)  # text read by one writing task; a shard is at most this
    row_group_bytes: int = Field(96 * MIB, ge=MIB)


class Spark(_Section):
    """Where it runs. spark-submit's own settings come first."""

    master: str | None = None  # default local[*]
    driver_memory: str = "2g"
    conf: dict[str, str] = {}


class Recipe(_Section):
    """One run: what comes in, what is wanted, where it goes."""

    input: tuple[str, ...] = Field(min_length=1)  # globs, folders, files, warc.paths.gz lists; local or any fsspec URL
    output: str
    format: Literal["auto", "warc", "wet", "jsonl", "parquet", "html", "mediawiki", "pdf", "zip", "tar"] = "auto"
    languages: tuple[Label, ...] = ()  # keep only these; empty: all
    cutoffs: str = "universal"  # a shipped table (english, universal, setu), a TOML file, or derive: see [calibrate]
    extract: Extract = Extract()
    pdf: Pdf = Pdf()
    language: Language = Language()
    urls: Urls = Urls()
    forget: Forget = Forget()
    clean: Clean = Clean()
    steps: tuple[Step, ...] = ()
    decontaminate: Decontaminate = Decontaminate()
    boilerplate: Boilerplate = Boilerplate()
    words: Words = Words()
    calibrate: Calibrate = Calibrate()
    dedup: Dedup = Dedup()
    quality: Quality = Quality()
    audit: Audit = Audit()
    limits: Limits = Limits()
    write: Write = Write()
    spark: Spark = Spark()

    @model_validator(mode="after")
    def _ocr_languages(self) -> Self:
        if self.pdf.ocr and not self.pdf_languages:
            raise ValueError("pdf.ocr needs to know what to read: give pdf.languages, or languages")
        return self

    @property
    def pdf_languages(self) -> tuple[str, ...]:
        """That PDFs are expected in; empty: not known."""
        return self.pdf.languages or self.languages

    @property
    def derives(self) -> bool:
        return self.cutoffs == "derive"

    @property
    def screened(self) -> bool:
        return bool(self.languages) and self.extract.screen


def shipped() -> list[str]:
    """The names of the recipes that come with the package."""
    folder = resources.files("curate").joinpath("recipes")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(path: str, *, input: Sequence[str] = (), output: str | None = None, settings: Sequence[str] = ()) -> Recipe:
    """The recipe at `path` (or a shipped one by name) with the command line's overrides. Raises RecipeError."""
    raw = _parse(_read(path), path)
    if input:
        raw["input"] = list(input)
    if output:
        raw["output"] = output
    for setting in settings:
        _override(raw, setting)
    try:
        return Recipe.model_validate(tuples(raw))
    except ValidationError as error:
        raise RecipeError(f"recipe {path}: {_explain(error)}") from None


def _read(path: str) -> str:
    try:
        if path in shipped():
            return resources.files("curate").joinpath(f"recipes/{path}.toml").read_text("utf-8")
        return Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise RecipeError(
            f"recipe {path}: no such file, and no shipped recipe; shipped: {', '.join(shipped())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {path}: cannot be read: {error}") from None


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {where}: not TOML: {error}") from None


def _override(raw: dict[str, Any], setting: str) -> None:
    """`extract.timeout_seconds=5`: the value is TOML; a bare word is text."""
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {setting}: write it as key=value, for example extract.timeout_seconds=5")
    *sections, name = key.split(".")
    for section in sections:
        raw = raw.setdefault(section, {})
        if not isinstance(raw, dict):
            raise RecipeError(f"--set {setting}: {section} is no section of a recipe")
    try:
        raw[name] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raw[name] = value


def tuples(value: Any) -> Any:
    """TOML's lists as the tuples that frozen models hold."""
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def without_none(value: Any) -> Any:
    """For TOML, which has no null."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return value


def _explain(error: ValidationError) -> str:
    """The first problem, in a line: the key, what is wrong, what is allowed."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}; known: {', '.join(_known(first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing"
    if isinstance(first["input"], dict):  # a section whose keys do not go together
        where = f"{key}: " if key else ""
        return f"{where}{first['ctx']['error'] if 'ctx' in first else first['msg']}"
    return f"{key} = {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _known(section: tuple[int | str, ...]) -> list[str]:
    model: Any = Recipe
    for part in section:
        model = get_args(model)[0] if isinstance(part, int) else model.model_fields[str(part)].annotation
    return list(model.model_fields)
