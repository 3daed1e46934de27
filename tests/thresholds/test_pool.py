"""A language with enough documents keeps its own cutoff; one with few is moved towards its relatives, and it says so."""

import math

import pytest

from thresholds.pool import RELATIVES, WIDEST, Estimate, families, shrink

# Six languages each: of one script, of one family in several scripts, and of no family that the table knows
DEVANAGARI = ["hin_Deva", "mar_Deva", "npi_Deva", "bho_Deva", "mai_Deva", "san_Deva"]
DRAVIDIAN = ["tam_Taml", "tel_Telu", "kan_Knda", "mal_Mlym", "tcy_Knda", "wsg_Telu"]
OTHERS = ["kor_Hang", "kat_Geor", "khm_Khmr", "lao_Laoo", "bod_Tibt", "amh_Ethi"]


def estimate(cutoff: float, documents: int, *, median: float = 0.0, deviation: float = 1.0, removed: float = 0.1):
    return Estimate(cutoff, (cutoff - 0.5, cutoff + 0.25), documents, median, deviation, removed)


def test_widest_is_how_well_the_share_removed_is_known() -> None:
    for removed in (0.02, 0.1, 0.5, 0.9):
        needed = estimate(1.0, 1000, removed=removed).needed
        assert 1.96 * math.sqrt(removed * (1 - removed) / needed) == pytest.approx(WIDEST)
    assert 34 < estimate(1.0, 50, removed=0.1).needed < 36
    # a rule that happens to remove nothing, or all, is no proof that it always does
    for removed in (0.0, 1.0):
        assert estimate(1.0, 10, removed=removed).needed == pytest.approx(estimate(1.0, 10, removed=0.1).needed)


def test_enough_documents_are_not_pooled() -> None:
    own = {label: estimate(10.0 * n, 100) for n, label in enumerate(DEVANAGARI)}
    assert shrink(own, list(own)) == own


@pytest.mark.parametrize("documents", [5, 12, 30])
def test_few_documents_are_moved_by_position_and_it_is_said(documents: int) -> None:
    own = {label: estimate(2.0, 100) for label in DEVANAGARI[1:]}  # two deviations above the median
    mine = estimate(104.0, documents, median=100.0, deviation=10.0)  # 0.4 deviations above its own
    found = shrink(own | {"hin_Deva": mine}, ["hin_Deva"])["hin_Deva"]
    weight = documents / mine.needed
    assert 0 < weight < 1
    assert found.cutoff == pytest.approx(100 + 10 * (weight * 0.4 + (1 - weight) * 2.0))
    assert found.fallback == f"script Deva, own weight {weight:.2f}"
    assert found.documents == documents
    moved = found.cutoff - mine.cutoff
    assert found.interval == pytest.approx((mine.interval[0] + moved, mine.interval[1] + moved)), "as wide as before"


def fallback(label: str, others: list[str], **few) -> str | None:
    own = {other: estimate(1.0, 100) for other in others}
    return shrink(own | few, [label])[label].fallback


def test_script_comes_before_family_before_all() -> None:
    few = {"hin_Deva": estimate(2.0, 10)}
    everyone = [*DEVANAGARI[1:], *DRAVIDIAN, *OTHERS, "pan_Guru", "guj_Gujr", "ben_Beng", "urd_Arab", "rus_Cyrl"]
    assert len(DEVANAGARI[1:]) == RELATIVES
    assert fallback("hin_Deva", everyone, **few).startswith("script Deva,")
    everyone.remove("san_Deva")  # one too few in the script
    assert fallback("hin_Deva", everyone, **few).startswith("family Indo-European,")
    assert fallback("tam_Taml", [*DRAVIDIAN[1:], *OTHERS], tam_Taml=estimate(2.0, 10)).startswith("family Dravidian,")
    assert fallback("hin_Deva", OTHERS, **few).startswith("all languages,")


def test_a_family_and_a_script_do_not_count_the_language_itself() -> None:
    assert fallback("hin_Deva", DEVANAGARI[1:5], hin_Deva=estimate(2.0, 10)).startswith("all languages,")


def test_a_language_without_a_known_family_goes_to_all() -> None:
    assert "zxx" not in families()
    assert fallback("zxx_Hang", OTHERS, zxx_Hang=estimate(2.0, 10)).startswith("all languages,")


def test_a_language_without_documents_borrows_the_median_cutoff() -> None:
    own = {label: estimate(float(n), 100) for n, label in enumerate(DEVANAGARI[1:])}  # 0 .. 4
    found = shrink(own | {"kor_Hang": estimate(99.0, 100)}, ["hin_Deva", "kor_Hang"])
    assert found["hin_Deva"].cutoff == 2.0 and found["hin_Deva"].documents == 0
    assert found["hin_Deva"].fallback == "script Deva, no documents of its own"
    assert 0 <= found["hin_Deva"].interval[0] < 2 < found["hin_Deva"].interval[1] <= 4
    assert found["kor_Hang"].fallback is None


def test_a_constant_metric_has_no_position_and_teaches_nobody() -> None:
    flat = estimate(0.0, 8, deviation=0.0, removed=0.0)
    assert math.isnan(flat.position)
    own = {label: estimate(2.0, 100) for label in DEVANAGARI[1:]}
    assert shrink(own | {"hin_Deva": flat}, ["hin_Deva"])["hin_Deva"] == flat, "nothing to scale by"
    flats = {label: estimate(0.0, 100, deviation=0.0) for label in DEVANAGARI[1:]}
    assert shrink(flats | {"hin_Deva": estimate(2.0, 8)}, ["hin_Deva"])["hin_Deva"].fallback is None
    mixed = flats | {"kor_Hang": estimate(2.0, 100), "hin_Deva": estimate(0.4, 8)}
    found = shrink(mixed, ["hin_Deva"])["hin_Deva"]
    assert found.fallback.startswith("all languages,") and 0.4 < found.cutoff < 2.0


def test_one_language_alone_keeps_what_it_has() -> None:
    alone = estimate(3.0, 6)
    assert shrink({"hin_Deva": alone}, ["hin_Deva"]) == {"hin_Deva": alone}
    assert shrink({}, ["hin_Deva"]) == {}


def test_order_does_not_matter() -> None:
    own = {label: estimate(float(n), 8 + n) for n, label in enumerate([*DEVANAGARI, *DRAVIDIAN, *OTHERS])}
    labels = [*own, "eng_Latn"]
    backwards = shrink(dict(reversed(own.items())), list(reversed(labels)))
    assert shrink(own, labels) == {label: backwards[label] for label in labels}
