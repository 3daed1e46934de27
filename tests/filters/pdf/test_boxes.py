"""The box rules against a brute-force computation on pixels, and what no order, coordinate or text may do to them."""

import math
import random
import time
from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest

from filters.pdf import box_signals, boxes
from filters.pdf.box_signals import suppressed_blocks
from filters.pdf.page import Block, Box, Line, Page, Role, Word
from filters.pdf.page_columns import PAGE_METRIC_NAMES, page_signals
from filters.scripts import SCRIPTS, script_table

WIDTH, HEIGHT = 48, 64
PAGES = 2000
TEXTS = (
    "भारत एक विशाल देश है", "தமிழ் மொழி", "বাংলা ভাষা", "اردو زبان", "日本語のテキスト", "한국어 문장", "ភាសាខ្មែរ", "ᱥᱟᱱᱛᱟᱲᱤ",
    "The quick brown fox", "Русский язык 2024", "ไทย", "12 34 ५६", "٣٤", "—", "", "αβγ abc где", "漢字 かな カナ", "𞤆𞤵𞤤𞤢𞤪",
)  # fmt: skip


def _corners(chance: random.Random, x0: int, y0: int, x1: int, y1: int) -> list[float]:
    """A pair of opposite vertices, in any of the orders that a rotation leaves them in."""
    return [float(v) for v in chance.choice([(x0, y0, x1, y1), (x1, y0, x0, y1), (x0, y1, x1, y0), (x1, y1, x0, y0)])]


def _new(chance: random.Random, found: list[list[float]], kinds: Counter[str]) -> list[float]:
    """A box on the integer grid: anywhere, partly off the page, in an earlier one, touching it, a copy, or empty."""
    kind = chance.choice(("any", "any", "any", "off", "inside", "almost", "touching", "shifted", "copy", "empty"))
    if not found and kind in ("inside", "almost", "touching", "shifted", "copy"):
        kind = "any"
    kinds[kind] += 1
    x0, y0 = chance.randrange(WIDTH - 1), chance.randrange(HEIGHT - 1)
    x1, y1 = chance.randint(x0 + 1, WIDTH), chance.randint(y0 + 1, HEIGHT)
    if kind == "off":
        return _corners(chance, x0 - 20, y0 - 30, x1 + 25, y1 + chance.randint(-80, 80))
    if kind == "empty":
        return _corners(chance, x0, y0, x0, y1) if chance.random() < 0.5 else _corners(chance, x0, y0, x1, y0)
    if kind in ("any", "copy"):
        return list(chance.choice(found)) if kind == "copy" else _corners(chance, x0, y0, x1, y1)
    a, b, c, d = chance.choice(found)
    left, top, right, bottom = (int(v) for v in (min(a, c), min(b, d), max(a, c), max(b, d)))
    if kind == "touching":
        return _corners(chance, right, top, right + chance.randint(1, 9), bottom)
    if kind == "shifted":  # as large as the other, and where they are large, almost all of it
        x, y = chance.choice([(0, 1), (1, 0), (0, -1), (-1, 0)])
        return _corners(chance, left + x, top + y, right + x, bottom + y)
    inner = sorted(chance.choices(range(left, right + 1), k=2)), sorted(chance.choices(range(top, bottom + 1), k=2))
    out = int(kind == "almost")
    return _corners(chance, inner[0][0], inner[1][0] - out, inner[0][1], inner[1][1])


def _random_boxes(chance: random.Random, kinds: Counter[str]) -> list[list[float]]:
    found: list[list[float]] = []
    for _ in range(chance.randrange(13)):
        found.append(_new(chance, found, kinds))
    return found


def _pixels(box: list[float]) -> np.ndarray:
    x0, x1 = (int(min(max(v, 0), WIDTH)) for v in sorted((box[0], box[2])))
    y0, y1 = (int(min(max(v, 0), HEIGHT)) for v in sorted((box[1], box[3])))
    sheet = np.zeros((HEIGHT, WIDTH), bool)
    sheet[y0:y1, x0:x1] = True
    return sheet


def _kept_by_pixels(sheets: list[np.ndarray]) -> list[int]:
    """Rows kept; of equal areas, the one whose first pixel comes first by column, row, and last pixel by the same."""

    def place(row: int) -> tuple[int, ...]:
        ys, xs = np.nonzero(sheets[row])
        return (-len(xs), xs.min(), ys.min(), xs.max(), ys.max())

    kept: list[int] = []
    for row in sorted((row for row, sheet in enumerate(sheets) if sheet.any()), key=place):
        area = int(sheets[row].sum())
        if all(20 * int((sheets[row] & sheets[other]).sum()) <= 19 * area for other in kept):
            kept.append(row)
    return kept


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    return int((one & other).sum()) / int((one | other).sum())


def test_each_rule_agrees_with_pixels_on_random_pages() -> None:
    """Exactly: on an integer grid every value is a ratio of two counts."""
    seen, kinds = Counter[str](), Counter[str]()
    for seed in range(PAGES):
        chance = random.Random(seed)
        found = _random_boxes(chance, kinds)
        lines = [[_new(chance, [box], kinds) for _ in range(chance.randrange(4))] for box in found]
        blocks = [
            Block(Box(*box), [Line(Box(*line), "क") for line in inner]) for box, inner in zip(found, lines, strict=True)
        ]
        page = Page(0, WIDTH, HEIGHT, blocks)
        sheets = [_pixels(box) for box in found]
        kept = _kept_by_pixels(sheets)
        gone = [
            row not in kept and any(row != k and (sheets[row] == sheets[k]).all() for k in kept)
            for row in range(len(found))
        ]
        marked = suppressed_blocks(page)
        left = [row for row in range(len(found)) if not marked[row]]
        assert sorted(sheets[row].tobytes() for row in left) == sorted(sheets[row].tobytes() for row in kept), seed

        got = page_signals(page, paragraph_languages=None, language_score=None, expected_scripts=None, image_ratio=None)
        union = np.any([sheets[row] for row in kept], axis=0) if kept else np.zeros((HEIGHT, WIDTH), bool)
        assert got["horizontal_coverage"] == union.any(axis=0).sum() / WIDTH, seed
        assert got["vertical_coverage"] == union.any(axis=1).sum() / HEIGHT, seed
        pairs = [_iou(sheets[a], sheets[b]) for a, b in combinations(kept, 2)]
        assert got["box_overlap"] == max(pairs, default=0.0), seed
        assert got["suppressed_boxes"] == len(found) - len(kept), seed
        assert got["block_density"] == _density_by_pixels(sheets, lines, left), seed
        seen["suppressed"] += len(kept) < len(found)
        seen["copies"] += any(gone)
        seen["overlap"] += max(pairs, default=0.0) > 0
        seen["touching only"] += bool(pairs) and not max(pairs)
        seen["gaps"] += 0 < union.any(axis=0).sum() < WIDTH
        seen["density"] += got["block_density"] is not None
    assert min(seen.values()) > 50 and seen["suppressed"] > 1000 and seen["density"] > 1000, seen
    assert min(kinds.values()) > 1000 and len(kinds) == 8, kinds


def _density_by_pixels(sheets: list[np.ndarray], lines: list[list[list[float]]], kept: list[int]) -> float | None:
    flat = [(row, _pixels(line)) for row in kept for line in lines[row]]
    alone = _kept_by_pixels([sheet for _, sheet in flat])
    if not alone:
        return None
    taken = Counter[int]()
    for at in alone:
        taken[flat[at][0]] += int(flat[at][1].sum())
    return min(area / int(sheets[row].sum()) for row, area in taken.items())


@pytest.mark.parametrize("seed", range(200))
def test_the_order_of_the_boxes_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    places = [[chance.uniform(-50, 650) for _ in range(4)] for _ in range(chance.randint(2, 60))]
    places += [[a, b, a + (c - a) * chance.uniform(0.5, 1), d] for a, b, c, d in places] + places[:5]
    blocks = [_block(chance, place) for place in places]
    languages = {id(block): chance.choice(["hin_Deva", "eng_Latn", "und_Zzzz"]) for block in blocks}

    def measured(order: list[Block]) -> dict[str, float | None]:
        page = Page(0, 595.3, 841.9, order, language="hin_Deva")
        labels = [languages[id(block)] for block in order]
        return page_signals(
            page, paragraph_languages=labels, language_score=0.5, expected_scripts=frozenset({"Deva"}), image_ratio=0.1
        )

    first = measured(blocks)
    copies = [place for place in places if places.count(place) > 1]
    assert (first["suppressed_boxes"] or 0) > 0 and first["block_density"] is not None and copies
    for _ in range(5):
        chance.shuffle(blocks)
        again = measured(blocks)
        geometry = ("horizontal_coverage", "vertical_coverage", "box_overlap", "suppressed_boxes")
        assert [again[name] for name in geometry] == [first[name] for name in geometry]
    alone = [
        block
        for place, block in zip(places, [_block(random.Random(7), p) for p in places], strict=True)
        if place not in copies
    ]
    languages |= {id(block): "hin_Deva" for block in alone}
    whole = measured(alone)
    for _ in range(5):  # without copies, whose texts may differ, all of it
        chance.shuffle(alone)
        assert measured(alone) == whole


def _block(chance: random.Random, place: list[float]) -> Block:
    a, b, c, d = place
    lines = [
        Line(Box(a, b + (d - b) * n / 3, c, b + (d - b) * (n + 0.8) / 3), chance.choice(TEXTS), words=[Word(Box(a, b, c, d), "x", chance.random())])
        for n in range(3)
    ]  # fmt: skip
    return Block(Box(a, b, c, d), lines)


STRANGE = (math.nan, math.inf, -math.inf, 1e308, -1e308, 1e-320, 0.0, -5.0, 1e7, 300.0)


@pytest.mark.parametrize(
    "size", [(600.0, 800.0), (math.nan, 800.0), (0.0, 0.0), (math.inf, 5.0), (2.8e6, 0.1), (1e308, 1e308)]
)
def test_strange_coordinates_and_sizes(size: tuple[float, float]) -> None:
    chance = random.Random(3)
    blocks = [_block(chance, chance.choices(STRANGE, k=4)) for _ in range(400)]
    got = page_signals(
        Page(0, *size, blocks),
        paragraph_languages=None,
        language_score=math.nan,
        expected_scripts=None,
        image_ratio=math.inf,
    )
    assert list(got) == list(PAGE_METRIC_NAMES)
    assert all(value is None or math.isfinite(value) for value in got.values())
    for name in ("horizontal_coverage", "vertical_coverage", "box_overlap"):
        assert 0.0 <= (got[name] or 0.0) <= 1.0
    if size == (600.0, 800.0):
        assert got["horizontal_coverage"] == got["vertical_coverage"] == 1.0, "an infinite box ends at the page's edge"


def test_what_is_cut_and_what_is_empty() -> None:
    given = [[10, 20, -5, 900], [math.nan, 0, 1, 1], [700, 10, 900, 20], [-math.inf, 100, math.inf, 110]]
    got = boxes.clipped(np.array(given), 600, 800)
    assert got.tolist() == [[0, 20, 10, 800], [0, 0, 0, 0], [600, 10, 600, 20], [0, 100, 600, 110]]
    assert boxes.suppressed(got).tolist() == [False, True, True, False]


def test_setus_example_of_four_boxes_inside_one() -> None:
    """Its own loop deletes while it iterates, and keeps three of these five."""
    five = np.array([[0, 0, 100, 100], *([n, n, 50 + n, 50 + n] for n in (1, 2, 3, 4))], float)
    assert boxes.suppressed(five).tolist() == [False, True, True, True, True]


def test_a_box_that_is_suppressed_suppresses_nothing() -> None:
    chain = np.array(
        [[0, 0, 100, 100], [4, 0, 103.9, 100], [7.9, 0, 107.7, 100]], float
    )  # each 0.96 inside the one before
    assert boxes.suppressed(chain).tolist() == [False, True, False]


def test_of_boxes_equally_large_the_first_by_place_wins_whatever_the_order() -> None:
    row = [(4.0 * n, 0.0, 100 + 4.0 * n, 100.0) for n in range(4)]  # each 0.96 inside its neighbours
    for order in permutations(row):
        drop = boxes.suppressed(np.array(order))
        assert sorted(box for box, gone in zip(order, drop, strict=True) if not gone) == [row[0], row[2]]


def test_two_paragraphs_that_share_a_hundredth_of_their_height() -> None:
    pair = np.array([[0, 0, 400, 100], [0, 99, 400, 199]], float)
    assert boxes.highest_overlap(pair) == 1 / 199


MANY = 100_000


def _grid() -> np.ndarray:
    x, y = np.divmod(np.arange(MANY), 300)
    return np.stack([x * 2.0, y * 3.0, x * 2 + 1.5, y * 3 + 2.5], axis=1)


def _crossing() -> np.ndarray:
    at = np.arange(MANY // 2) / 100
    flat, full = np.zeros(len(at)), np.full(len(at), 600.0)
    return np.concatenate([np.stack([flat, at, full, at + 0.005], 1), np.stack([at, flat, at + 0.005, full], 1)])


def _piled() -> np.ndarray:
    """Around one point, of every shape and all the same area, so that few cover each other."""
    random_ = np.random.default_rng(1)
    shape = np.exp(random_.uniform(-7, 7, MANY))
    sides = np.stack([shape, 1 / shape], 1) * 100
    middle = 5e5 + random_.uniform(-0.5, 0.5, (MANY, 2)) * sides
    return np.concatenate([middle - sides / 2, middle + sides / 2], 1)


@pytest.mark.parametrize("make", [_grid, _crossing, _piled], ids=["grid", "crossing", "piled"])
def test_a_hundred_thousand_boxes(make: object) -> None:
    many = boxes.clipped(make(), 1e6, 1e6)  # type: ignore[operator]
    boxes.highest_overlap(many[:2]), boxes.suppressed(many[:2])  # compiled
    start = time.process_time()
    kept = many[~boxes.suppressed(many)]
    overlap = boxes.highest_overlap(kept)
    assert time.process_time() - start < 8  # 1 s where measured; all pairs are 5 billion
    assert len(kept) > MANY // 4 and overlap == pytest.approx(
        {"_grid": 0, "_crossing": 4.17e-6}.get(make.__name__, 0.9), abs=0.01
    )  # type: ignore[attr-defined]


def test_fewer_pairs_give_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    random_ = np.random.default_rng(2)
    corner = random_.random((500, 2)) * 100
    many = np.concatenate([corner, corner + 50], 1)
    exact = boxes.highest_overlap(many)
    monkeypatch.setattr(boxes, "MAX_PAIRS", 2000)
    assert 0 < boxes.highest_overlap(many) < exact


# --- text ----------------------------------------------------------------------------------------------------------


def _script(text: str) -> str | None:
    """By plain counting; kana and bopomofo as Han."""
    names = [SCRIPTS[script_table()[ord(c)]] for c in text if c.isalpha()]
    counts = Counter("Hani" if name in ("Hira", "Kana", "Bopo") else name for name in names if name != "Zzzz")
    most = max(counts.values(), default=0)
    return min((name for name, count in counts.items() if count == most), key=SCRIPTS.index, default=None)


def test_scripts_of_words_agree_with_plain_counting() -> None:
    chance, seen = random.Random(5), Counter[bool | None]()
    for _ in range(1500):
        paragraphs = [" ".join(chance.choices(" ".join(TEXTS).split(), k=chance.randrange(7))) for _ in range(4)]
        found = box_signals.read(paragraphs)
        for row, paragraph in enumerate(paragraphs):
            words = [script for word in paragraph.split() if (script := _script(word))]
            most = max(Counter(words).values(), default=0)
            unsure = most < 0.5 * len(words) if words else None
            assert found.unconfident[row] == (-1 if unsure is None else unsure), paragraph
            seen[unsure] += 1
        assert found.digits == sum(c.isdecimal() for c in "".join(paragraphs))
        assert found.letters.sum() == sum(bool(script_table()[ord(c)]) for c in "".join(paragraphs) if c.isalpha())
    assert min(seen[True], seen[False], seen[None]) > 100, seen


def _page(
    *texts: str, roles: tuple[Role, ...] = (), language: str = "hin_Deva", confidence: float | None = None
) -> Page:
    blocks = []
    for n, text in enumerate(texts):
        box = Box(50, 50 + 60 * n, 550, 100 + 60 * n)
        words = [Word(box, word, confidence) for word in text.split()]
        blocks.append(Block(box, [Line(box, text, words=words)], roles[n] if roles else "body"))
    return Page(0, 600, 800, blocks, language=language)


def _measured(
    page: Page, languages: list[str] | None = None, expected: set[str] | None = None
) -> dict[str, float | None]:
    scripts = frozenset(expected) if expected else None
    return page_signals(
        page, paragraph_languages=languages, language_score=0.9, expected_scripts=scripts, image_ratio=0.25
    )


@pytest.mark.parametrize(
    ("text", "expected", "share"),
    [
        ("भारत abc", {"Deva"}, 3 / 6),
        ("日本かなabcde", {"Jpan"}, 4 / 9),
        ("한국漢ab", {"Hang"}, 3 / 5),
        ("ab", {"Latn", "Deva"}, 1.0),
        ("ab", {"Taml"}, 0.0),
        ("12 34", {"Latn"}, None),
        ("ab", None, None),
        ("ab", {"Zzzz", ""}, None),
    ],
)
def test_expected_scripts(text: str, expected: set[str] | None, share: float | None) -> None:
    assert _measured(_page(text), expected=expected)["expected_script_ratio"] == share


def test_running_heads_are_ink_but_no_text_and_hidden_text_is_neither() -> None:
    plain = _measured(_page("भारत", "देश"))
    head = _measured(_page("भारत", "देश", "अध्याय 3", roles=("body", "body", "running_head")))
    hidden = _measured(_page("भारत", "देश", "अध्याय 3", roles=("body", "body", "hidden")))
    assert hidden == plain
    assert head["characters"] == plain["characters"] and head["digit_character_ratio"] == 0.0
    assert (head["vertical_coverage"] or 0) > (plain["vertical_coverage"] or 0)


def test_language_agreement() -> None:
    page = _page("अ" * 300, "ab" * 50, "१२३")
    assert _measured(page, ["hin_Deva", "eng_Latn", "und_Zzzz"])["language_agreement"] == 300 / 400
    assert _measured(page, ["und_Zzzz"] * 3)["language_agreement"] is None
    assert _measured(page, ["und_Zzzz", "hin_Deva", "hin_Deva"])["language_agreement"] is None, "103 characters"
    assert _measured(page)["language_agreement"] is None
    page.language = "und_Zzzz"
    assert _measured(page, ["hin_Deva", "eng_Latn", "und_Zzzz"])["language_agreement"] is None
    with pytest.raises(ValueError, match="2 paragraph languages for a page of 3 blocks"):
        _measured(page, ["hin_Deva"] * 2)


def test_confidences_of_the_words_kept() -> None:
    page = _page("a b c d e f g h i j", confidence=0.9)
    words = page.blocks[0].lines[0].words
    words[0].confidence, words[1].confidence, words[2].confidence = 0.1, math.nan, None
    covered = Block(Box(60, 60, 70, 70), [Line(Box(60, 60, 70, 70), "x", words=[Word(Box(60, 60, 70, 70), "x", 0.0)])])
    page.blocks.append(covered)
    got = _measured(page)
    assert got["ocr_confidence_mean"] == pytest.approx((0.1 + 7 * 0.9) / 8)
    assert got["ocr_confidence_low_decile"] == pytest.approx(np.quantile([0.1] + [0.9] * 7, 0.1))
    assert got["suppressed_boxes"] == 1 and got["characters"] == 19
    assert _measured(_page("a b"))["ocr_confidence_mean"] is None


def test_a_page_without_anything() -> None:
    got = _measured(_page())
    assert (got["horizontal_coverage"], got["vertical_coverage"], got["box_overlap"]) == (0.0, 0.0, 0.0)
    assert got["block_density"] is None and got["script_unconfident_ratio"] is None and got["characters"] == 0.0
    lines = Page(0, 600, 800, [Block(Box(0, 0, 10, 10), [])])
    assert _measured(lines)["block_density"] is None
    assert _measured(_page("\ud800 \x00 \U0010ffff"))["characters"] == 5.0
