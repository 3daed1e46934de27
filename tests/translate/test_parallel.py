"""Parallel pretraining text: templates, directions, ratios, and what gives no row."""

from collections import Counter
from itertools import islice

import pytest

from translate.parallel import TEMPLATES, parallel_rows
from translate.transforms.names import NAMES, name
from translate.transforms.rows import Aligned, Skipped, Text

DOCUMENT = Aligned(
    "doc-1",
    (
        ("The river is wide.", "नदी चौड़ी है।"),
        ("A boat\ncrosses it.", "एक नाव उसे पार करती है।"),
        ("Nobody is afraid.", "कोई नहीं डरता।"),
    ),
)
SENTENCE = Aligned("s-1", (("The river is wide.", "நதி அகலமானது."),))


def _texts(one: Aligned, template: str, target: str, **options: object) -> list[str]:
    rows = list(parallel_rows([one], source="en", target=target, ratios={template: 1.0}, seed=0, **options))  # type: ignore[arg-type]
    return [row.text for row in rows if isinstance(row, Text)]


def test_alma_both_ways() -> None:
    assert _texts(SENTENCE, "alma", "ta") == [
        "Translate this from English to Tamil:\nEnglish: The river is wide.\nTamil: நதி அகலமானது.",
        "Translate this from Tamil to English:\nTamil: நதி அகலமானது.\nEnglish: The river is wide.",
    ]


def test_tower_with_the_languages_own_names() -> None:
    assert _texts(SENTENCE, "tower", "ta", naming="native") == [
        "English: The river is wide.\nதமிழ்: நதி அகலமானது.",
        "தமிழ்: நதி அகலமானது.\nEnglish: The river is wide.",
    ]


def test_documents_whose_sentences_alternate() -> None:
    assert _texts(DOCUMENT, "alternating", "hi") == [
        "The river is wide. एक नाव उसे पार करती है। Nobody is afraid.",
        "नदी चौड़ी है। A boat crosses it. कोई नहीं डरता।",
    ]


def test_interleaved_and_concatenated() -> None:
    (first, _), (plain, _) = _texts(DOCUMENT, "interleaved", "hi"), _texts(DOCUMENT, "concatenated", "hi")
    assert first.split("\n")[:3] == ["The river is wide.", "नदी चौड़ी है।", "A boat crosses it."]
    assert plain == (
        "The river is wide. A boat crosses it. Nobody is afraid.\n\nनदी चौड़ी है। एक नाव उसे पार करती है। कोई नहीं डरता।"
    )


def test_no_spaces_between_chinese_sentences() -> None:
    chinese = Aligned("z", (("It rains.", "下雨了。"), ("We stay.", "我们留下。"), ("It stops.", "雨停了。")))
    assert _texts(chinese, "tower", "zh")[0] == (
        "English: It rains. We stay. It stops.\nChinese: 下雨了。我们留下。雨停了。"
    )
    assert _texts(chinese, "alternating", "zh") == ["It rains. 我们留下。It stops.", "下雨了。We stay. 雨停了。"]


def test_provenance() -> None:
    rows = list(parallel_rows([SENTENCE], source="en", target="ta", ratios=dict.fromkeys(TEMPLATES, 1.0), seed=0))
    assert len({row.id for row in rows if isinstance(row, Text)}) == 6
    first = rows[0]
    assert isinstance(first, Text)
    assert (first.transform, first.languages, first.source_id) == ("alma", ["eng_Latn", "tam_Taml"], "s-1")
    assert [row for row in rows if isinstance(row, Skipped)] == [
        Skipped("s-1", template, "too_few_segments") for template in ("alternating",) * 2 + ("interleaved",) * 2
    ]


@pytest.mark.parametrize("segments", [(), (("", "நதி"),), (("river", " \n"),), (("", ""),)])
def test_empty_rows(segments: tuple[tuple[str, str], ...]) -> None:
    rows = list(parallel_rows([Aligned("e", segments)], source="en", target="ta", ratios={"alma": 1.0}, seed=0))
    assert rows == [Skipped("e", "alma", "empty")] * 2


def test_ratios_are_kept_seeded_and_independent_of_order() -> None:
    many = [Aligned(f"s{number}", (("Yes.", "ஆம்."),)) for number in range(2_000)]
    ratios = {"alma": 0.25, "tower": 0.75, "concatenated": 0.0}
    rows = list(parallel_rows(many, source="en", target="ta", ratios=ratios, seed=5))
    counts = Counter(row.transform for row in rows)
    assert abs(counts["alma"] / 4_000 - 0.25) < 0.03 and abs(counts["tower"] / 4_000 - 0.75) < 0.03
    assert counts["concatenated"] == 0
    backwards = list(parallel_rows(many[::-1], source="en", target="ta", ratios=ratios, seed=5))
    assert {row.id for row in rows if isinstance(row, Text)} == {row.id for row in backwards if isinstance(row, Text)}
    other = list(parallel_rows(many, source="en", target="ta", ratios=ratios, seed=6))
    assert other != rows


def test_a_stream_without_end() -> None:
    def endless():  # type: ignore[no-untyped-def]
        number = 0
        while True:
            yield Aligned(str(number), (("Yes.", "Ndiyo."),))
            number += 1

    rows = parallel_rows(endless(), source="eng_Latn", target="swh", ratios={"tower": 0.5}, seed=1)
    assert len(list(islice(rows, 100))) == 100


def test_what_can_not_be() -> None:
    with pytest.raises(ValueError, match="unknown transform 'alms'; known: alma, tower, alternating"):
        parallel_rows([], source="en", target="hi", ratios={"alms": 1}, seed=0)
    with pytest.raises(ValueError, match="the ratio of alma is 2; it must be between 0 and 1"):
        parallel_rows([], source="en", target="hi", ratios={"alma": 2}, seed=0)
    with pytest.raises(ValueError, match=r"no name for language 'tlh'; there are names for afr, als, amh"):
        parallel_rows([], source="en", target="tlh", ratios={"alma": 1}, seed=0)
    with pytest.raises(ValueError, match="source and target are both hin_Deva"):
        parallel_rows([], source="hi", target="hin_Deva", ratios={"alma": 1}, seed=0)
    with pytest.raises(ValueError, match="naming is 'french'; it can be english or native"):
        parallel_rows([], source="en", target="hi", ratios={"alma": 1}, seed=0, naming="french")  # type: ignore[arg-type]


def test_names() -> None:
    assert (
        name("hi") == "Hindi" and name("hin_Deva", "native") == "हिन्दी" and name("hin_Latn") == "Hindi (Latin script)"
    )
    assert all(len(code) == 3 and each.english.isprintable() and each.native for code, each in NAMES.items())
    assert all(name(code) == each.english for code, each in NAMES.items())  # each code is one that `canonical` gives
