"""Pretraining text from aligned sentences or documents, in named templates, as a stream of rows.

alma: the prompt of ALMA (arXiv 2309.11674), whose fine-tuning data is small and human-made.
tower: each side after its language's name, as TowerBase mixes it into monolingual text (arXiv 2402.17733).
alternating: every other sentence of a document in the other language, none twice (OpenHathi, 2023): the next sentence
    can only be predicted from one in another language.
interleaved: each sentence followed by its translation.
concatenated: one side, an empty line, the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from translate.transforms.chance import check_ratios, draw
from translate.transforms.names import Naming, known_pair, name
from translate.transforms.rows import Aligned, Piece, Skipped, Text

Segments = tuple[tuple[str, str], ...]
Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    language: str
    name: str

    def join(self, sentences: Iterable[str]) -> str:
        return _space(self.language).join(sentences)


_Template = Callable[[Segments, _Side, _Side], Pieces]


def _alma(segments: Segments, one: _Side, other: _Side) -> Pieces:
    return (Piece(f"Translate this from {one.name} to {other.name}:\n"), *_tower(segments, one, other))


def _tower(segments: Segments, one: _Side, other: _Side) -> Pieces:
    first, second = one.join(each[0] for each in segments), other.join(each[1] for each in segments)
    labels = Piece(f"{one.name}: "), Piece(f"\n{other.name}: ")
    return labels[0], Piece(first, one.language), labels[1], Piece(second, other.language)


def _alternating(segments: Segments, one: _Side, other: _Side) -> Pieces:
    sides, last = (one, other), len(segments) - 1
    turns = [(sides[at % 2], segment[at % 2], at < last) for at, segment in enumerate(segments)]
    return tuple(Piece(sentence + _space(side.language) * more, side.language) for side, sentence, more in turns)


def _interleaved(segments: Segments, one: _Side, other: _Side) -> Pieces:
    lines = [Piece(text, side.language) for pair in segments for text, side in zip(pair, (one, other), strict=True)]
    return tuple(piece for line in lines for piece in (line, Piece("\n")))[:-1]


def _concatenated(segments: Segments, one: _Side, other: _Side) -> Pieces:
    first, second = one.join(each[0] for each in segments), other.join(each[1] for each in segments)
    return Piece(first, one.language), Piece("\n\n"), Piece(second, other.language)


TEMPLATES: Mapping[str, _Template] = MappingProxyType(
    {
        "alma": _alma,
        "tower": _tower,
        "alternating": _alternating,
        "interleaved": _interleaved,
        "concatenated": _concatenated,
    }
)
_OF_DOCUMENTS = frozenset({"alternating", "interleaved"})  # need two segments to show anything


def parallel_rows(
    aligned: Iterable[Aligned],
    *,
    source: str,
    target: str,
    ratios: Mapping[str, float],
    seed: int,
    naming: Naming = "english",
) -> Iterator[Text | Skipped]:
    """For each text and template, in both directions, a row with the chance that `ratios` gives the template.

    Whether a text is drawn depends on seed, its id, template and direction alone. Segments with an empty side are left
    out; a text without enough others is Skipped (empty, too_few_segments). ValueError for an unknown template, share,
    language or naming, before the first row.
    """
    check_ratios(ratios, tuple(TEMPLATES))
    pair = known_pair(source, target)
    sides = _Side(pair[0], name(pair[0], naming)), _Side(pair[1], name(pair[1], naming))
    return (row for one in aligned for row in _rows(one, sides, ratios, seed))


def rows_of(one: Aligned, template: str, source: str, target: str, naming: Naming) -> list[Text | Skipped]:
    """Both directions of one text in one template."""
    return list(parallel_rows([one], source=source, target=target, ratios={template: 1.0}, seed=0, naming=naming))


def _rows(one: Aligned, sides: tuple[_Side, _Side], ratios: Mapping[str, float], seed: int) -> Iterator[Text | Skipped]:
    forward = tuple((_line(first), _line(second)) for first, second in one.segments if first.strip() and second.strip())
    backward = tuple((second, first) for first, second in forward)
    for template, share in ratios.items():
        for segments, (first, second) in ((forward, sides), (backward, sides[::-1])):
            direction = f"{first.language}-{second.language}"
            if draw(seed, one.id, template, direction) < share:
                yield _row(one.id, template, direction, segments, first, second)


def _row(id: str, template: str, direction: str, segments: Segments, one: _Side, other: _Side) -> Text | Skipped:
    if not segments:
        return Skipped(id, template, "empty")
    if len(segments) < 2 and template in _OF_DOCUMENTS:
        return Skipped(id, template, "too_few_segments")
    return Text(f"{id}/{template}/{direction}", id, template, TEMPLATES[template](segments, one, other))


def _line(text: str) -> str:
    """On one line: a line break would end the template's field."""
    return " ".join(text.split())


def _space(language: str) -> str:
    """Between sentences."""
    return "" if language[4:] in ("Hani", "Jpan") else " "
