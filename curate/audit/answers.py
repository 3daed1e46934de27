"""Read filled sheets back. Whatever is wrong with one is a line with the sheet and the row; a half-filled row is not."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.audit.design import AuditError
from curate.audit.sample import FORMAT
from curate.audit.sheet import COMMENT, QUESTIONS, plain

LINES = 20  # of one message
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one annotator says of one document. None: not answered."""

    in_language: str | None
    quality: str | None
    pii: bool
    unsafe: bool
    comment: str

    @property
    def empty(self) -> bool:
        return not (self.in_language or self.quality or self.pii or self.unsafe or self.comment)

    @property
    def judged(self) -> bool:
        """Text in another language need not be judged any further."""
        return self.in_language == "no" or bool(self.in_language and self.quality)

    @property
    def worth(self) -> bool:
        """Worth training on as text of its language: at least partly in it, no junk, not unsafe."""
        return self.in_language != "no" and self.quality in ("good", "flawed") and not self.unsafe

    @property
    def open(self) -> str:
        """The question that is not answered."""
        return "quality" if self.in_language else "in_language"


@dataclass
class Filled:
    """One annotator's sheet: answers by item, and the lines that say what is wrong or missing."""

    name: str
    answers: dict[str, Answer] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    blank: int = 0  # rows without any answer


def load_key(path: str) -> dict[str, Any]:
    """The key that `curate audit sample` wrote. Raises AuditError."""
    try:
        key = json.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise AuditError(f"--key {path}: cannot be read: {_reason(error)}") from None
    if not isinstance(key, dict) or key.get("format") != FORMAT or not {"items", "strata"} <= key.keys():
        raise AuditError(f"--key {path}: no key of a sample; it is the .key.json that `curate audit sample` wrote")
    return key


def read(paths: Sequence[str], key: Mapping[str, Any]) -> list[Filled]:
    """The sheets, one an annotator. Raises AuditError with all that is wrong with them."""
    sheets = [_read(path, key["items"]) for path in dict.fromkeys(paths)]
    wrong = [f"{sheet.name}: {line}" for sheet in sheets for line in sheet.wrong]
    if wrong:
        more = [f"and {len(wrong) - LINES:,} more"] if len(wrong) > LINES else []
        raise AuditError("\n".join([*wrong[:LINES], *more]))
    return sheets


def _read(path: str, known: Mapping[str, Any]) -> Filled:
    filled, rows = Filled(path), dict[str, int]()
    try:
        for row, values in _rows(path):
            _add(filled, rows, row, values, known)
    except AuditError as error:
        filled.wrong.append(str(error))
    return filled


def _add(filled: Filled, rows: dict[str, int], row: int, values: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    id_ = str(values["id"]).strip().lower()
    try:
        if id_ not in known:
            raise AuditError(f"the key has no document {id_[:40]!r}; is the key of another sample?")
        if id_ in rows:
            raise AuditError(f"document {id_} stands in row {rows[id_]} already")
        answer = _answer(values)
    except AuditError as error:
        filled.wrong.append(f"row {row}: {error}")
        return
    rows[id_] = row
    filled.answers[id_] = answer
    filled.blank += answer.empty
    if not (answer.empty or answer.judged):
        filled.half.append(f"row {row}: {answer.open} is not answered")


def _answer(values: Mapping[str, Any]) -> Answer:
    given = {name: _choice(name, values[name]) for name in QUESTIONS}
    comment = plain(str(values.get(COMMENT) or "")).strip()
    return Answer(given["in_language"], given["quality"], given["pii"] == "yes", given["unsafe"] == "yes", comment)


def _choice(question: str, value: Any) -> str | None:
    words = {None: "", True: "yes", False: "no"}
    text = words[value] if value is None or isinstance(value, bool) else str(value).strip().lower()
    if text and text not in QUESTIONS[question]:
        raise AuditError(f"{question}: {text[:40]!r} is no answer; one of {', '.join(QUESTIONS[question])}, or nothing")
    return text or None


def _rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(row as a spreadsheet or editor counts it, its cells by column)."""
    text = _text(path)
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".tsv", ".txt", ".jsonl"):
        raise AuditError("neither .csv nor .jsonl; save a spreadsheet as CSV UTF-8")
    rows = _of_jsonl(text) if suffix == ".jsonl" else _of_csv(text)
    for row, values in rows:
        if missing := [name for name in ("id", *QUESTIONS) if name not in values]:
            raise AuditError(
                f"row {row}: the column {missing[0]} is missing; there are {', '.join(values) or 'none'}"[:500]
            )
        yield row, values


def _text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
        return data.decode(next(encoding for mark, encoding in _ENCODINGS if data.startswith(mark)))
    except OSError as error:
        raise AuditError(f"cannot be read: {_reason(error)}") from None
    except UnicodeDecodeError as error:
        raise AuditError(f"byte {error.start:,} is no UTF-8; save the spreadsheet as CSV UTF-8") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _of_jsonl(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for row, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise AuditError(f"row {row}: no JSON") from None
        if not isinstance(values, dict):
            raise AuditError(f"row {row}: no JSON object")
        yield row, values


def _of_csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The heading says what separates the cells: spreadsheets save with comma, semicolon or tab."""
    first = text.partition("\n")[0]
    reader = csv.reader(text.splitlines(keepends=True), delimiter=max(",;\t", key=first.count))
    try:
        heading = [(cell.split() or [""])[0].lower() for cell in next(reader, [])]
        for row, cells in enumerate(reader, 2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(heading):
                raise AuditError(f"row {row}: {len(cells)} cells under {len(heading)} headings")
            yield row, dict(zip(heading, cells, strict=True))
    except csv.Error as error:
        raise AuditError(f"no CSV: {error}") from None
