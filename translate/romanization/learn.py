"""Make `learned.npz` from people's romanizations: `python -m translate.romanization.learn LEXICON.jsonl.gz`.

The lexicon is that of Dakshina (Roark et al. 2020, CC BY-SA 4.0) as lines {lang, native, roman, count, part}; only the
part `train` is read. A word has many spellings, and the aim is one that somebody wrote: so the spellings near the rules'
count more at first, and those that the model finds likely count more as it learns. A language whose rules do better on
the tenth of the words that was kept back learns nothing.
"""

import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from filters.labels import canonical
from translate.romanization import learned
from translate.romanization.align import align, letter_numbers, piece_text
from translate.romanization.crf import Chains, learn, log_likelihood
from translate.romanization.distance import measure, nearest
from translate.romanization.words import Rules, rules

Lexicon = dict[str, dict[str, int]]  # native word -> spelling -> how many people wrote it

ABOUT = (
    "Weights of a model that spells words of ten South Asian languages in Latin letters. Learned from the training part of"
    " the romanization lexicons of Dakshina 1.0 (Roark et al., LREC 2020; Google), which are under CC BY-SA 4.0;"
    " so is this file. It holds no words of them. Made by translate.romanization.learn."
)
_SIZE = 1 << 18  # weights of a language
_ROUNDS = 7
_RATE = 0.2
_SPARSITY = 0.008  # L1, for 20,000 pairs
_STEP = 0.15  # of the weights' int8
_SURPRISE = 1.0  # a spelling counts less by e for each letter that it is further from the rules' than the nearest one
_LEAST = 1.5  # words: a spelling of a sound that is rarer is no candidate
_RAREST = 0.001  # of a sound's occurrences


class _Data(NamedTuple):
    chains: Chains
    weights: np.ndarray  # of each pair, a word's together making 1
    word: np.ndarray  # of each pair
    model: learned.Model


def read(path: Path, part: str) -> dict[str, Lexicon]:
    """The lexicons by language, as `lang` names it."""
    found: dict[str, Lexicon] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["part"] == part:
                found[row["lang"]][row["native"]][row["roman"]] = row["count"]
    return found


def _kept_back(word: str) -> bool:
    return blake2b(word.encode()).digest()[0] < 26


def _kind(sound: str) -> int:
    """3 for a consonant or letter, 4 for a vowel, 5 for a mark: what the model knows of a sound far away."""
    if sound in "aAاویيآے" or "\u0904" <= sound <= "\u0914" or "\u093e" <= sound <= "\u094c":
        return 4
    return 5 if sound in "ंँः" else 3


def _preferred(spelled: dict[str, int], by_rule: str) -> dict[str, float]:
    """The share of each spelling of a word: its count, and how near it is to the rules'."""
    distance = {roman: nearest(by_rule, [roman])[0] for roman in spelled}
    least = min(distance.values())
    share = {roman: count * np.exp(_SURPRISE * (least - distance[roman])) for roman, count in spelled.items()}
    total = sum(share.values())
    return {roman: value / total for roman, value in share.items()}


def _candidates(sounds: np.ndarray, pieces: np.ndarray, weights: np.ndarray, distinct: int) -> list[list[int]]:
    """The pieces that each sound may be spelled with."""
    seen: list[Counter[int]] = [Counter() for _ in range(distinct)]
    for sound, piece, weight in zip(sounds.tolist(), pieces.tolist(), weights.tolist(), strict=True):
        if piece >= 0:
            seen[sound][piece] += weight
    found = []
    for counter in seen:
        least = max(_LEAST, _RAREST * counter.total())
        ranked = [piece for piece, count in counter.most_common(24) if count >= least]
        found.append(ranked or [piece for piece, _ in counter.most_common(1)] or [0])
    return found


def _blank(alphabet: str, choices: list[list[int]]) -> tuple[learned.Model, dict[tuple[int, int], int]]:
    """A model whose weights are all 0, and the place of each (sound, piece) among the sound's candidates."""
    pieces = sorted({piece for each in choices for piece in each})
    number = {piece: at for at, piece in enumerate(pieces)}
    candidates = np.zeros((len(alphabet), learned.MOST), np.int32)
    place: dict[tuple[int, int], int] = {}
    for sound, each in enumerate(choices):
        candidates[sound, : len(each)] = [number[piece] for piece in each]
        place |= {(sound, piece): at for at, piece in enumerate(each)}
    kinds = np.array([0, 1, *map(_kind, alphabet)], np.uint8)
    counts = np.array([len(each) for each in choices], np.int32)
    weights = np.zeros(_SIZE, np.float32)
    return learned.Model(alphabet, kinds, tuple(map(piece_text, pieces)), candidates, counts, weights), place


def _prepare(lexicon: Lexicon, by_rule: Rules) -> _Data:
    """Every pair aligned, and an unlearned model that can spell nearly all of them."""
    pairs, weights, word = [], [], []
    for at, (native, spelled) in enumerate(lexicon.items()):
        sounds = by_rule.sounds(native)
        for roman, share in _preferred(spelled, by_rule.spell(sounds)).items():
            pairs.append((sounds, letter_numbers(roman)))
            weights.append(share)
            word.append(at)
    alphabet = "".join(sorted(set("".join(sounds for sounds, _ in pairs))))
    number = {sound: at for at, sound in enumerate(alphabet)}
    flat = np.array([number[sound] for sounds, _ in pairs for sound in sounds], np.int32)
    letters = np.array([letter for _, spelled in pairs for letter in spelled], np.int64)
    lengths = np.array([len(sounds) for sounds, _ in pairs])
    ends, letter_ends = np.cumsum(lengths), np.cumsum([len(spelled) for _, spelled in pairs])
    each = np.array(weights)
    pieces = align(flat, ends, letters, letter_ends, each, len(alphabet))
    model, place = _blank(alphabet, _candidates(flat, pieces, np.repeat(each, lengths), len(alphabet)))
    gold = np.array([place.get(pair, -1) for pair in zip(flat.tolist(), pieces.tolist(), strict=True)], np.int32)
    return _Data(Chains(flat, ends, gold), each, np.array(word), model)


def _sharpened(data: _Data) -> np.ndarray:
    """The pairs' weights anew: the prior share of a spelling times its probability under the model."""
    odds = data.weights * np.exp(log_likelihood(data.chains, data.model))
    total = np.bincount(data.word, odds, minlength=int(data.word.max()) + 1)
    return odds / np.maximum(total[data.word], 1e-30)


def fit(lexicon: Lexicon, by_rule: Rules) -> learned.Model:
    """The model of a language, with its weights as they are stored."""
    data = _prepare(lexicon, by_rule)
    sparsity = _SPARSITY * min(1.0, 20_000 / len(data.weights))
    squares, weights = np.zeros(_SIZE, np.float32), data.weights
    chance = np.random.default_rng(1)
    for turn in range(_ROUNDS):
        rate = _RATE * (1 - turn / _ROUNDS) + 0.01
        learn(data.chains, data.model, weights, chance.permutation(len(weights)), squares, rate, sparsity)
        if turn:
            weights = _sharpened(data)
    stored = np.clip(np.round(data.model.weights / _STEP), -127, 127).astype(np.int8)
    return data.model._replace(weights=stored)


def spellings(words: Iterable[str], by_rule: Rules, model: learned.Model | None) -> dict[str, str]:
    """What rules alone, or the model where it can, write for each word."""
    sounds = {word: by_rule.sounds(word) for word in words}
    found = {word: by_rule.spell(each) for word, each in sounds.items()}
    if model is None:
        return found
    known = [word for word, each in sounds.items() if learned.knows(each, model)]
    return found | dict(zip(known, learned.spell([sounds[word] for word in known], model), strict=True))


def _language(name: str, lexicon: Lexicon) -> tuple[str, learned.Model | None]:
    """The code of a language and its model, if that beats the rules on words kept back."""
    language, script = canonical(name)
    by_rule = rules(language, script)
    seen = {word: spelled for word, spelled in lexicon.items() if not _kept_back(word)}
    back = {word: spelled for word, spelled in lexicon.items() if _kept_back(word)}
    without = measure(spellings(back, by_rule, None), back)
    with_model = measure(spellings(back, by_rule, fit(seen, by_rule)), back)
    better = with_model.error < without.error and with_model.exact >= without.exact
    print(json.dumps({"language": language, "rules": without, "learned": with_model, "kept": better}), flush=True)
    return language, fit(lexicon, by_rule) if better else None


def _arrays(language: str, model: learned.Model) -> dict[str, np.ndarray]:
    small = {name: getattr(model, name).astype(np.uint16) for name in ("candidates", "counts")}
    plain = {"kinds": model.kinds, "weights": model.weights, "sounds": np.array(model.sounds)}
    every = plain | small | {"spellings": np.array(model.spellings)}
    return {f"{language}_{name}": array for name, array in every.items()}


def main() -> None:
    found = dict(_language(name, lexicon) for name, lexicon in sorted(read(Path(sys.argv[1]), "train").items()))
    models = {language: model for language, model in found.items() if model}
    arrays = {"about": np.array(ABOUT), "languages": np.array(sorted(models))}
    for language, model in models.items():
        arrays |= _arrays(language, model)
    np.savez_compressed(learned.FILE, allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
