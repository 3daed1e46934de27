"""Continued byte-pair encoding against a slow one that recounts all pairs at every step."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from train.tokenization.bpe import learn

TEXT = """
हिन्दी भाषा में किताबें और किताबों की भाषाएँ हिन्दुस्तान की भाषाओं में से एक हिन्दी है किताब किताबी
தமிழ் மொழி தமிழர் மொழிகள் தமிழில் மொழியில் தமிழ்நாடு மொழிபெயர்ப்பு நாட்டில் நாடு
বাংলা ভাষা বাংলাদেশ বাংলার ভাষার দেশ দেশের বাংলায় ভাষায় দেশে
словарь словари словами слово слова словесный слов
banana bananas ananas aaaaaaa aaaa baab abab ababab cabbage
"""


def slow(
    words: list[tuple[list[str | None], int]],
    *,
    pieces: int,
    least: int,
    admitted: Callable[[str], bool],
    old: Sequence[str] = (),
) -> list[str]:
    """By the definition: count what neighbours spell, take the most frequent, merge it from left to right, and at once
    whatever earlier piece its neighbours now spell."""
    words = [(list(word), count) for word, count in words]
    order = {piece: at for at, piece in enumerate(old)}
    found: list[str] = []
    refused: set[str] = set()
    while len(found) < pieces:
        counted: Counter[str] = Counter()
        for word, count in words:
            for left, right in pairwise(word):
                if left is not None and right is not None:
                    counted[left + right] += count
        rest = [(-count, piece) for piece, count in counted.items() if count >= least and piece not in refused]
        if not rest:
            break
        piece = min(rest)[1]
        refused.add(piece)
        if not admitted(piece):
            continue
        found.append(piece)
        order[piece] = len(order)
        for word, _ in words:
            at = 0
            while at + 1 < len(word):
                if word[at] is None or word[at + 1] is None or word[at] + word[at + 1] != piece:  # type: ignore[operator]
                    at += 1
                    continue
                word[at : at + 2] = [piece]
                at = settle(word, at, order) + 1
    return found


def settle(word: list[str | None], at: int, order: dict[str, int]) -> int:
    while True:
        options = []
        for left in (at - 1, at):
            if left >= 0 and left + 1 < len(word) and word[left] is not None and word[left + 1] is not None:
                spelled = word[left] + word[left + 1]  # type: ignore[operator]
                if spelled in order:
                    options.append((order[spelled], left, spelled))
        if not options:
            return at
        _, left, spelled = min(options)
        word[left : left + 2] = [spelled]
        at = left


def as_ids(words: list[tuple[list[str | None], int]]) -> tuple[list[tuple[list[int], int]], dict[int, str]]:
    spellings = sorted({symbol for word, _ in words for symbol in word if symbol is not None})
    ids = {symbol: at for at, symbol in enumerate(spellings)}
    return [([-1 if s is None else ids[s] for s in word], count) for word, count in words], dict(enumerate(spellings))


@pytest.mark.parametrize("least", [1, 2, 5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_makes_the_pieces_of_the_definition(seed: int, least: int) -> None:
    chance = random.Random(seed)
    words = [(list(word), chance.randint(1, 9)) for word in TEXT.split()]
    words += [([chance.choice("abक") for _ in range(12)], chance.randint(1, 4)) for _ in range(30)]
    for word, _ in chance.sample(words, 6):
        word.insert(chance.randint(0, len(word)), None)  # type: ignore[arg-type]
    ids, spellings = as_ids(words)  # type: ignore[arg-type]
    wanted = slow(words, pieces=150, least=least, admitted=lambda piece: "z" not in piece)  # type: ignore[arg-type]
    found = learn(ids, spellings, pieces=150, least=least, admitted=lambda piece: "z" not in piece)
    assert found == wanted and len(found) > 40
    chance.shuffle(ids)
    assert learn(ids, spellings, pieces=150, least=least, admitted=lambda piece: True) == wanted


def test_neighbours_that_come_to_spell_an_old_piece_merge_at_once() -> None:
    """ab+cd is old, and a|bc|d is not it; once bcd is made, a and bcd spell abcd, which comes before all new pieces."""
    old = ["ab", "cd", "abcd", "ख", "bc"]
    words = [(["a", "bc", "d"], 3), (["x", "bc", "d"], 9), (["a", "bc", "d", "y"], 4), (["bc", "d", "क"], 2)]
    ids, spellings = as_ids([*words, (list(old), 0)])  # type: ignore[list-item]
    names = {spelling: at for at, spelling in spellings.items()}
    kwargs = {"pieces": 10, "least": 2, "admitted": lambda piece: piece not in old}
    found = learn(ids[:-1], spellings, mergeable=[names[piece] for piece in old], **kwargs)  # type: ignore[arg-type]
    assert found == slow(words, old=old, **kwargs)  # type: ignore[arg-type]
    assert found == ["bcd", "xbcd", "abcdy", "bcdक"]


def test_what_is_not_admitted_is_no_piece_and_stays_apart() -> None:
    words, spellings = as_ids([(list("abक"), 9), (list("कख"), 2)])
    assert learn(words, spellings, pieces=9, least=1, admitted=lambda piece: "क" in piece) == ["bक", "abक", "कख"]


def test_no_words() -> None:
    assert learn([], {}, pieces=5, least=1, admitted=lambda piece: True) == []
    assert learn([([], 3), ([0], 2), ([-1], 1)], {0: "a"}, pieces=5, least=1, admitted=lambda piece: True) == []


def test_the_number_of_pieces_and_the_least_count_are_kept_to() -> None:
    words, spellings = as_ids([(list("किताब"), 4), (list("नमक"), 3)])
    assert len(learn(words, spellings, pieces=2, least=1, admitted=lambda piece: True)) == 2
    assert learn(words, spellings, pieces=9, least=4, admitted=lambda piece: True) == ["कि", "कित", "किता", "किताब"]
    assert learn(words, spellings, pieces=9, least=5, admitted=lambda piece: True) == []
