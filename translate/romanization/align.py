"""Which letters of a romanized word spell which of its sounds: monotone alignment by expectation maximization.

Each sound takes 0 to 3 letters a-z; the probability of a piece of letters depends on the sound alone (the many-to-many
aligner of Jiampojamarn et al. 2007 with one sound on its side).
"""

import numba
import numpy as np

LONGEST = 3  # letters
_BASE = 27  # a piece is a number to this base, its letters being digits 1-26; 0 is the empty piece
PIECES = _BASE**LONGEST
_ROUNDS = 8
_SMOOTHING = np.array([1e-6, 1e-6, 1e-7, 1e-8])  # of pieces never seen, by length


def piece_text(piece: int) -> str:
    """The letters of a piece."""
    text = ""
    while piece:
        piece, letter = divmod(piece, _BASE)
        text = chr(96 + letter) + text
    return text


def letter_numbers(word: str) -> list[int]:
    """1-26 for each of a-z."""
    return [ord(letter) - 96 for letter in word]


@numba.njit(cache=True)
def _forward(sounds: np.ndarray, letters: np.ndarray, odds: np.ndarray, smoothing: np.ndarray) -> np.ndarray:
    n, m = len(sounds), len(letters)
    table = np.zeros((n + 1, m + 1))
    table[0, 0] = 1
    for at in range(n):
        for spelled in range(m + 1):
            if table[at, spelled] == 0:
                continue
            piece = 0
            for size in range(min(LONGEST, m - spelled) + 1):
                if size:
                    piece = piece * _BASE + letters[spelled + size - 1]
                table[at + 1, spelled + size] += table[at, spelled] * (odds[sounds[at], piece] + smoothing[size])
    return table


@numba.njit(cache=True)
def _count(
    sounds: np.ndarray,
    letters: np.ndarray,
    odds: np.ndarray,
    smoothing: np.ndarray,
    weight: float,
    counts: np.ndarray,
) -> None:
    """Add the expected count of each (sound, piece)."""
    n, m = len(sounds), len(letters)
    forward = _forward(sounds, letters, odds, smoothing)
    total = forward[n, m]
    if total <= 0:
        return
    after = np.zeros((n + 1, m + 1))
    after[n, m] = 1
    for at in range(n - 1, -1, -1):
        for spelled in range(m + 1):
            piece = 0
            for size in range(min(LONGEST, m - spelled) + 1):
                if size:
                    piece = piece * _BASE + letters[spelled + size - 1]
                rest = (odds[sounds[at], piece] + smoothing[size]) * after[at + 1, spelled + size]
                after[at, spelled] += rest
                counts[sounds[at], piece] += weight * forward[at, spelled] * rest / total


@numba.njit(cache=True)
def _likeliest(sounds: np.ndarray, letters: np.ndarray, odds: np.ndarray, pieces: np.ndarray) -> None:
    """Fill `pieces` with the likeliest piece of each sound, or with -1 where no alignment spells the word."""
    n, m = len(sounds), len(letters)
    best, taken = np.zeros((n + 1, m + 1)), np.zeros((n + 1, m + 1), np.int64)
    best[0, 0] = 1
    for at in range(n):
        for spelled in range(m + 1):
            piece = 0
            for size in range(min(LONGEST, m - spelled) + 1):
                if size:
                    piece = piece * _BASE + letters[spelled + size - 1]
                value = best[at, spelled] * (odds[sounds[at], piece] + 1e-12)
                if value > best[at + 1, spelled + size]:
                    best[at + 1, spelled + size], taken[at + 1, spelled + size] = value, size
    pieces[:] = -1
    if best[n, m] <= 0:
        return
    spelled = m
    for at in range(n, 0, -1):
        piece = 0
        for place in range(spelled - taken[at, spelled], spelled):
            piece = piece * _BASE + letters[place]
        pieces[at - 1] = piece
        spelled -= taken[at, spelled]


@numba.njit(cache=True)
def _count_all(
    sounds: np.ndarray,
    sound_ends: np.ndarray,
    letters: np.ndarray,
    letter_ends: np.ndarray,
    weights: np.ndarray,
    odds: np.ndarray,
    smoothing: np.ndarray,
) -> np.ndarray:
    counts = np.zeros_like(odds)
    for pair in range(len(weights)):
        a, c = (sound_ends[pair - 1], letter_ends[pair - 1]) if pair else (0, 0)
        word, spelled = sounds[a : sound_ends[pair]], letters[c : letter_ends[pair]]
        _count(word, spelled, odds, smoothing, weights[pair], counts)
    return counts


def align(
    sounds: np.ndarray,
    sound_ends: np.ndarray,
    letters: np.ndarray,
    letter_ends: np.ndarray,
    weights: np.ndarray,
    distinct: int,
) -> np.ndarray:
    """int64, the piece of each sound, -1 throughout a pair that can't be aligned.

    Pair i is `sounds` up to sound_ends[i] and `letters` up to letter_ends[i]; sounds are numbers below `distinct`.
    """
    odds = np.full((distinct, PIECES), 1e-3)
    odds[:, 0] = 0.1
    for _ in range(_ROUNDS):
        counts = _count_all(sounds, sound_ends, letters, letter_ends, weights, odds, _SMOOTHING)
        odds = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    pieces = np.empty(len(sounds), np.int64)
    a = c = 0
    for b, d in zip(sound_ends.tolist(), letter_ends.tolist(), strict=True):
        _likeliest(sounds[a:b], letters[c:d], odds, pieces[a:b])
        a, c = b, d
    return pieces
