"""Intervals, weights, agreement and the figures of an audit against values from the literature or computed by hand."""

import random
from dataclasses import replace

import numpy as np
import pytest

from curate.audit.answers import Answer, Filled
from curate.audit.design import Candidate, spread, weights
from curate.audit.estimate import Part, agreement, combined, needed, wilson
from curate.audit.figures import figures

GOOD = Answer("yes", "good", False, False, "")
FLAWED, MIXED = replace(GOOD, quality="flawed"), replace(GOOD, in_language="mixed")
JUNK, FOREIGN, UNSAFE = replace(GOOD, quality="junk"), replace(GOOD, in_language="no"), replace(GOOD, unsafe=True)


def test_wilson_gives_the_published_interval() -> None:
    low, high = wilson(81 / 263, 263)  # Newcombe 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0.0, 20)[0] == 0.0 and round(wilson(0.0, 20)[1], 4) == 0.1611
    assert wilson(1.0, 1)[1] == 1.0


def test_the_default_sample_is_the_smallest_that_is_narrow_enough() -> None:
    documents = needed(0.1)
    assert documents == 93

    def widest(n: int) -> float:
        return max((wilson(k / n, n)[1] - wilson(k / n, n)[0]) / 2 for k in range(n + 1))

    assert widest(documents) <= 0.1 < widest(documents - 3)


def test_one_stratum_has_wilsons_interval_and_strata_are_weighted_by_their_documents() -> None:
    one = Part.of(1000, [(3.0, 1.0)] * 8 + [(3.0, 0.0)] * 2)
    found = combined([one])
    assert (found.judged, found.share) == (10, 0.8)
    assert (found.low, found.high) == pytest.approx(wilson(0.8, 10))
    small = Part.of(100, [(1.0, 0.0)] * 50)
    both = combined([one, small])
    assert both.share == pytest.approx(0.8 * 1000 / 1100) and both.judged == 60
    assert both.low < both.share < both.high < found.high
    assert combined([]) is None


def test_unequal_weights_count_as_fewer_documents() -> None:
    part = Part.of(100, [(9.0, 1.0), (1.0, 0.0)])
    assert part.share == 0.9 and part.effective == pytest.approx(100 / 82)


def pairs(counts: dict[tuple[str, str], int]) -> list[dict[str, str]]:
    return [{"a": a, "b": b} for (a, b), n in counts.items() for _ in range(n)]


def test_two_annotators_have_cohens_kappa() -> None:
    found = agreement(pairs({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}))
    assert (found.items, found.annotators, found.kind) == (50, 2, "Cohen")
    assert found.agreed == pytest.approx(0.7) and found.kappa == pytest.approx(0.4)


FLEISS = """0 0 0 0 14;0 2 6 4 2;0 0 3 5 6;0 3 9 2 0;2 2 8 1 1;7 7 0 0 0;3 2 6 3 0;2 5 3 2 2;6 5 2 1 0;0 2 2 3 7"""


def test_more_annotators_have_fleiss_kappa() -> None:
    rows = [[int(n) for n in row.split()] for row in FLEISS.split(";")]
    items = [
        {f"rater{n}": str(kind) for n, kind in enumerate(k for k, count in enumerate(row) for _ in range(count))}
        for row in rows
    ]
    found = agreement(items)
    assert (found.items, found.annotators, found.kind) == (10, 14, "Fleiss")
    assert found.agreed == pytest.approx(0.378, abs=5e-4) and found.kappa == pytest.approx(0.210, abs=5e-4)


def test_agreement_needs_two_and_an_answer_that_varies() -> None:
    assert agreement([{"a": "yes"}, {}]) is None
    same = agreement(pairs({("yes", "yes"): 5}))
    assert same.agreed == 1 and same.kappa is None


def candidates(sites: list[str | None]) -> list[Candidate]:
    return [Candidate(key, f"id{key}", site, ()) for key, site in enumerate(sites)]


def test_no_site_has_more_than_its_share() -> None:
    drawn, cut_off = spread(candidates(["a", "a", None, "a", None, None, "b", "c"]), 6, 2)
    assert [c.key for c in drawn] == [0, 1, 2, 4, 5, 6] and cut_off == {"a"}
    assert spread(candidates(["a", "a", "b", "a"]), 3, 2)[1] == set(), "cut off after the sample was full"
    # 100 documents, 40 of them a's: two stand for these, four for the rest
    assert weights(drawn, 100, {"a": 40}) == pytest.approx((20, 20, 15, 15, 15, 15))
    assert weights(drawn[:2], 100, {"a": 40}) == (50, 50), "nothing was drawn of the rest"


def test_the_estimate_is_right_and_its_interval_covers_where_one_site_is_large_and_bad() -> None:
    rng = random.Random(1)
    sites = ["bad"] * 1500 + [f"s{rng.randrange(900)}" for _ in range(3500)]
    good = [0.1 if site == "bad" else 0.95 for site in sites]
    values = [float(rng.random() < share) for share in good]
    truth, found, covered = float(np.mean(values)), [], 0
    for _ in range(150):
        order = rng.sample(range(len(sites)), len(sites))
        drawn, cut_off = spread([Candidate(n, "", sites[n], ()) for n in order], 93, 5)
        assert max(sum(c.site == site for c in drawn) for site in cut_off) == 5
        w = weights(drawn, len(sites), {site: sites.count(site) for site in cut_off})
        assert sum(w) == pytest.approx(len(sites))
        share = combined([Part.of(len(sites), [(x, values[c.key]) for x, c in zip(w, drawn, strict=True)])])
        found.append(share.share)
        covered += share.low <= truth <= share.high
    naive = np.mean([values[c.key] for c in drawn])
    assert abs(np.mean(found) - truth) < 0.02 < abs(naive - truth)
    assert covered / 150 > 0.9


def key_of(*strata: tuple[str, str | None, int, int], site: str | None = "a.example") -> dict:
    """(language, rule, documents, sampled) each; items are named by stratum and number."""
    names = ("language", "rule", "documents")
    items = {
        f"x{n}_{i}": {"stratum": n, "site": site, "weight": each[2] / each[3]}
        for n, each in enumerate(strata)
        for i in range(each[3])
    }
    return {"strata": [dict(zip(names, each[:3], strict=True)) for each in strata], "items": items}


def filled(name: str, stratum: int, answers: list[Answer]) -> Filled:
    return Filled(name, {f"x{stratum}_{i}": answer for i, answer in enumerate(answers)})


def test_worth_and_deserved_are_each_others_opposite() -> None:
    assert [answer.worth for answer in (GOOD, FLAWED, MIXED, JUNK, FOREIGN, UNSAFE)] == [True] * 3 + [False] * 3
    key = key_of(("tam_Taml", None, 600, 6), ("tam_Taml", "words_low", 60, 6))
    both = [GOOD, FLAWED, MIXED, JUNK, FOREIGN, UNSAFE]
    found = figures(key, [filled("a", 0, both), filled("b", 1, both)])
    [kept] = found.kept
    assert (kept.language, kept.documents, kept.precision.judged, kept.precision.share) == ("tam_Taml", 600, 6, 0.5)
    assert [kept.in_language.share, kept.good.share, kept.unsafe.share] == pytest.approx([4 / 6, 4 / 6, 1 / 6])
    assert [(r.rule, r.precision.share) for r in found.rules] == [(None, 0.5), ("words_low", 0.5)]


def test_a_language_rule_is_right_where_the_language_was_found_right() -> None:
    key = key_of(("deu_Latn", "language_unwanted", 50, 4))
    found = figures(key, [filled("a", 0, [GOOD, JUNK, MIXED, FOREIGN])])
    assert found.rules[-1].precision.share == 0.75 and found.kept == []


def test_languages_are_put_together_by_their_documents() -> None:
    key = key_of(("urd_Arab", None, 900, 4), ("tha_Thai", None, 100, 4))
    found = figures(key, [filled("a", 0, [GOOD] * 4), filled("b", 1, [JUNK] * 4)])
    assert [(k.language, k.documents, k.precision.share) for k in found.kept] == [
        (None, 1000, 0.9),
        ("urd_Arab", 900, 1.0),
        ("tha_Thai", 100, 0.0),
    ]


def test_half_filled_and_missing_answers_count_as_none() -> None:
    key = key_of(("cmn_Hani", None, 10, 5))
    half = Answer("yes", None, False, False, "later")
    no_language = Answer("no", None, False, False, "")
    found = figures(key, [filled("a", 0, [GOOD, half, no_language])])
    assert (found.sampled, found.judged) == (5, 2) and found.kept[0].precision.share == 0.5


def test_a_document_of_several_annotators_counts_once() -> None:
    key = key_of(("amh_Ethi", None, 10, 2))
    found = figures(key, [filled("a", 0, [GOOD, JUNK]), filled("b", 0, [GOOD, GOOD])])
    assert found.kept[0].precision.judged == 2 and found.kept[0].precision.share == 0.75
    agreed = {each.question: each.agreement for each in found.agreement}
    assert agreed["in_language"].agreed == 1 and agreed["worth"].agreed == 0.5 and agreed["quality"].items == 2


def test_sites_are_those_of_kept_documents() -> None:
    key = key_of(("tam_Taml", None, 100, 3), ("tam_Taml", "words_low", 100, 3))
    found = figures(key, [filled("a", 0, [GOOD, GOOD, JUNK]), filled("b", 1, [JUNK] * 3)])
    [site] = found.sites
    assert (site.language, site.site, site.precision.judged) == ("tam_Taml", "a.example", 3)
    assert site.precision.share == pytest.approx(2 / 3)
    assert found.as_data()["sites"][0]["precision"]["share"] == 0.666667
    assert figures(key_of(("tam_Taml", None, 9, 1), site=None), [filled("a", 0, [GOOD])]).sites == []
