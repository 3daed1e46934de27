"""Tasks made from text and its translation: sentence completion and translation (SDRRL's D_comp and D_mt, x-LLM)."""

from collections.abc import Iterator
from itertools import islice

from translate.codeswitch import word_ranges
from translate.mask import protected
from translate.sentences import sentences
from translate.transforms.chance import draw
from translate.transforms.names import known, known_pair, name
from translate.transforms.rows import Example, Field, Piece, Row, Skipped, Steps
from translate.transforms.steps import ALL, QUESTION, Settings, translated

FEWEST_WORDS = 6  # of a sentence to complete
MOST_CHARACTERS = 600
MOST_TRIED = 100  # sentences of a text


def completion_row(id: str, text: str, *, language: str, seed: int) -> Row | Skipped:
    """One sentence of the text, cut at half its words, and the whole of it as the answer. Best given native text.

    Skipped (no_sentence) where none of those tried has `FEWEST_WORDS` words in `MOST_CHARACTERS` characters.
    """
    language = known(language)
    fitting = [one for one in _sentences(text) if FEWEST_WORDS <= len(one) <= MOST_CHARACTERS]
    first = int(draw(seed, id, "completion") * len(fitting))
    tried = islice([*fitting[first:], *fitting[:first]], MOST_TRIED)
    sentence, cut = next(((one, at) for one in tried if (at := _half(one))), ("", 0))
    if not cut:
        return Skipped(id, "completion", "no_sentence")
    instruction = f"Complete the following sentence in {name(language)} according to its context."
    return _row(id, "completion", instruction, Piece(sentence[:cut].rstrip(), language), Piece(sentence, language))


def _sentences(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from (line[start:end] for start, end in sentences(line, [*protected(line)]))


def _half(sentence: str) -> int:
    words = list(word_ranges(sentence))
    return words[len(words) // 2][0] if len(words) >= FEWEST_WORDS else 0


def translation_rows(id: str, source_text: str, target_text: str, *, source: str, target: str) -> list[Row] | Skipped:
    """The translation task of a pair, both ways. ValueError for an unknown language pair."""
    source, target = known_pair(source, target)
    if not (source_text.strip() and target_text.strip()):
        return Skipped(id, "translation", "empty")
    one, other = Piece(source_text.strip(), source), Piece(target_text.strip(), target)
    return [_translation(id, one, other), _translation(id, other, one)]


def _translation(id: str, one: Piece, other: Piece) -> Row:
    instruction = f"Translate the following text from {name(one.language)} to {name(other.language)}."
    return _row(id, f"translation/{one.language}-{other.language}", instruction, one, other)


def _row(id: str, transform: str, instruction: str, given: Piece, answer: Piece) -> Row:
    fields = (
        Field("instruction", "user", (Piece(instruction, "eng_Latn"),)),
        Field("input", "user", (given,)),
        Field("output", "assistant", (answer,)),
    )
    return Row(f"{id}/{transform}", id, transform, fields)


def completion(example: Example, settings: Settings) -> Steps:
    """Of the translated answer, which reads as text."""
    there = yield from translated(example.fields, ALL - QUESTION, example.language, settings.target)
    made = completion_row(example.id, there[-1].text, language=settings.target, seed=settings.seed)
    return made if isinstance(made, Skipped) else [made]


def translation(example: Example, settings: Settings) -> Steps:
    """Of the last answer and its translation. Where there are human translations, `translation_rows` is better."""
    there = yield from translated(example.fields[-1:], ALL, example.language, settings.target)
    texts = example.fields[-1].text, there[0].text
    return translation_rows(example.id, *texts, source=example.language, target=settings.target)
