"""chrF (Popović 2015, W15-3049): how much two texts have in common, by n-grams of characters."""

from collections import Counter

ORDER = 6  # the longest n-gram
_BETA_SQUARED = 4  # recall counts twice as much as precision


def chrf(hypothesis: str, reference: str) -> float:
    """From 0 to 100, 100 for equal texts; white space does not count.

    Precision and recall are means over the orders that both texts have n-grams of, as in sacrebleu (chrF2 of a
    sentence). 0 where a text has no character.
    """
    texts = "".join(hypothesis.split()), "".join(reference.split())
    orders = min(ORDER, *map(len, texts))
    if not orders:
        return 0.0
    precision = recall = 0.0
    for n in range(1, orders + 1):
        found, wanted = (Counter(text[at : at + n] for at in range(len(text) - n + 1)) for text in texts)
        common = (found & wanted).total()
        precision += common / found.total() / orders
        recall += common / wanted.total() / orders
    if not precision:
        return 0.0
    return 100 * (1 + _BETA_SQUARED) * precision * recall / (_BETA_SQUARED * precision + recall)
