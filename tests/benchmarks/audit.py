"""How often the 95 % interval of an audit holds the true share, over samples of crawls whose sites differ in quality.

5,000 documents on sites of Zipf-like sizes; each site has a share of good documents of its own, the largest site a bad
one in one of the crawls. 93 documents are drawn, at most 5 (or any number) of one site. `bias` is the mean estimate
less the truth; `naive` the same without weights.
"""

import json
import random

from curate.audit.design import PER_SITE, PER_STRATUM, Candidate, spread, weights
from curate.audit.estimate import Part, combined

DOCUMENTS, SAMPLES = 5000, 1000


def crawl(rng: random.Random, quality: tuple[float, float], largest: float | None) -> tuple[list[str], list[float]]:
    """The site of each document, and whether it is good."""
    weights_ = [1 / (rank + 1) for rank in range(1000)]
    sites = rng.choices(range(1000), weights_, k=DOCUMENTS)
    shares = [rng.betavariate(*quality) for _ in range(1000)]
    shares[0] = shares[0] if largest is None else largest
    return [str(site) for site in sites], [float(rng.random() < shares[site]) for site in sites]


def measured(name: str, quality: tuple[float, float], largest: float | None, per_site: int) -> dict[str, object]:
    rng = random.Random(7)
    sites, good = crawl(rng, quality, largest)
    truth, held, estimates, naive, widths = sum(good) / DOCUMENTS, 0, 0.0, 0.0, 0.0
    for _ in range(SAMPLES):
        order = (Candidate(n, "", sites[n], ()) for n in rng.sample(range(DOCUMENTS), DOCUMENTS))
        drawn, cut_off = spread(order, PER_STRATUM, per_site)
        stands_for = weights(drawn, DOCUMENTS, {site: sites.count(site) for site in cut_off})
        pairs = [(weight, good[c.key]) for weight, c in zip(stands_for, drawn, strict=True)]
        share = combined([Part.of(DOCUMENTS, pairs)])
        assert share
        held += share.low <= truth <= share.high
        estimates += share.share / SAMPLES
        naive += sum(good[c.key] for c in drawn) / len(drawn) / SAMPLES
        widths += (share.high - share.low) / 2 / SAMPLES
    return {
        "crawl": name,
        "per_site": per_site,
        "truth": round(truth, 3),
        "held": held / SAMPLES,
        "half_width": round(widths, 3),
        "bias": round(estimates - truth, 4),
        "naive": round(naive - truth, 4),
    }


CRAWLS = {
    "sites alike, 80 % good": ((80, 20), None),
    "sites all good or all bad": ((0.2, 0.1), None),
    "97 % good, the largest site 10 %": ((97, 3), 0.1),
}

if __name__ == "__main__":
    rows = [measured(name, *given, cap) for name, given in CRAWLS.items() for cap in (PER_SITE, DOCUMENTS)]
    print(json.dumps({"benchmark": "audit", "documents": PER_STRATUM, "samples": SAMPLES, "crawls": rows}))
