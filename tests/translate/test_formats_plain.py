"""Plain text: lines, and lines that were wrapped."""

from translate.document import Document

WRAPPED = """\
The river rises in the hills and runs north for many miles before it
reaches the village, which has stood there since anyone remembers. In the
rainy season the water comes up to the doors of the houses, and people
move their cattle to the higher ground near the temple.

A second paragraph.
"""
SENTENCES = "नदी पहाड़ों से निकलती है\nगाँव हर साल बाढ़ देखता है\nலோக உள்ள கிராமம்\nA heading\nand another one\n"


def _texts(source: str) -> list[str]:
    return [span.text for span in Document.parse(source, "plain").spans]


def test_wrapped_lines_are_joined() -> None:
    first, second, third = _texts(WRAPPED)
    assert first.startswith("The river rises") and "before it reaches" in first and first.endswith("remembers.")
    assert second.startswith("In the rainy") and third == "A second paragraph."


def test_a_changed_wrapped_sentence_is_one_line() -> None:
    document = Document.parse(WRAPPED, "plain")
    assert document.rebuild(["एक।", None, None]) == "एक।" + WRAPPED[WRAPPED.index(" In the") :]


def test_lines_that_are_not_wrapped_stay_apart() -> None:
    assert _texts(SENTENCES) == SENTENCES.splitlines()


def test_carriage_returns() -> None:
    source = WRAPPED.replace("\n", "\r\n")
    document = Document.parse(source, "plain")
    assert [span.text for span in document.spans] == _texts(WRAPPED)
    assert document.rebuild([span.text for span in document.spans]) == source
