"""Kernels for repeated n-grams of words and characters in one document."""

import math

import numpy as np

from filters.hashing import (
    BASE,
    ONE,
    ORDER_BASE,
    clear_sieve,
    insert,
    is_unique,
    kernel,
    mix,
    power,
    power_of_base,
    power_of_inverse,
    sift,
    table_shift,
)

CHARACTER_NGRAM = 10
PARTITION = 1 << 20  # character n-grams counted at a time: the table stays below 32 MB for any document
HISTOGRAM = 4096  # counts below are kept as a histogram, the few above as a list
_CHARACTER_DROP = np.uint64(pow(int(BASE), CHARACTER_NGRAM, 1 << 64))


@kernel
def prepare_words(tokens, sums, inverses, lengths, order):  # type: ignore[no-untyped-def]
    """Prefix sums, so that any run of words is hashed in constant time; all have len(tokens) + 1 entries.

    (sums[j] - sums[i]) * inverses[i] is the hash of tokens i..j-1 written without spaces, lengths[j] - lengths[i]
    its code points; `order` has the mixed hash of each word.
    """
    sums[0], inverses[0], lengths[0] = np.uint64(0), ONE, 0
    weight = ONE
    for i in range(len(tokens)):
        hashed, count = tokens[i].hash, np.int64(tokens[i].characters)
        sums[i + 1] = sums[i] + hashed * weight
        lengths[i + 1] = lengths[i] + count
        weight *= power_of_base(count)
        inverses[i + 1] = inverses[i] * power_of_inverse(count)
        order[i] = mix(hashed)


@kernel
def word_ngrams(n, words, lengths, order, hashes, counts, sieve, table, base, multiplier):  # type: ignore[no-untyped-def]
    """(characters of the first most frequent n-gram times its count, occurrences of n-grams that recur).

    Characters include the n - 1 spaces. Needs words >= n; uses `words` entries of the table.
    """
    hashed, drop, grams = np.uint64(0), power(ORDER_BASE, n), words - n + 1
    sieve_shift, shift = clear_sieve(sieve, grams), table_shift(grams)
    for i in range(words):
        hashed = hashed * ORDER_BASE + order[i]
        if i >= n:
            hashed -= drop * order[i - n]
        if i >= n - 1:
            hashes[i - n + 1] = hashed
            sift(sieve, sieve_shift, hashed, multiplier)
    for first in range(grams):
        counts[first] = 1
        if is_unique(sieve, sieve_shift, hashes[first], multiplier):
            continue
        entry = insert(table, shift, hashes[first], base, first, multiplier)
        if entry >= 0:
            counts[first] = 0
            counts[entry] += 1
    best, best_count, recurring = 0, 0, 0
    for first in range(grams):
        if counts[first] > best_count:
            best, best_count = first, counts[first]
        recurring += counts[first] if counts[first] > 1 else 0
    return (lengths[best + n] - lengths[best] + n - 1) * best_count, recurring


@kernel
def duplicate_word_ngrams(n, words, sums, inverses, lengths, hashes, sieve, table, base, multiplier):  # type: ignore[no-untyped-def]
    """Characters of n-grams seen before, left to right: one that was is skipped as a whole.

    N-grams compare as written without spaces ("can not" equals "cannot"), which is datatrove's reading.
    """
    sieve_shift, shift = clear_sieve(sieve, words), table_shift(words)
    for i in range(words - n + 1):
        hashes[i] = (sums[i + n] - sums[i]) * inverses[i]
        sift(sieve, sieve_shift, hashes[i], multiplier)
    characters, i = 0, 0
    while i + n <= words:
        seen = False
        if not is_unique(sieve, sieve_shift, hashes[i], multiplier):
            seen = insert(table, shift, hashes[i], base, i, multiplier) >= 0
        if seen:
            characters += lengths[i + n] - lengths[i]
        i += n if seen else 1
    return characters


@kernel
def _next_character_hash(hashed, codes, i):  # type: ignore[no-untyped-def]
    hashed = hashed * BASE + np.uint64(codes[i])
    if i >= CHARACTER_NGRAM:
        hashed -= _CHARACTER_DROP * np.uint64(codes[i - CHARACTER_NGRAM])
    return hashed


@kernel
def _in_part(hashed, part, parts, multiplier):  # type: ignore[no-untyped-def]
    return parts == 1 or np.int64(mix(hashed + multiplier) >> np.uint64(33)) % parts == part


@kernel
def _count_part(codes, n, part, parts, counts, histogram, sieve, table, base, multiplier):  # type: ignore[no-untyped-def]
    """Count one of `parts` equal shares of the n-grams by hash: unique ones in `histogram`, others in `counts`.

    The number of counts.
    """
    expected = min(n, PARTITION)
    sieve_shift, shift = clear_sieve(sieve, expected), table_shift(expected)
    hashed = np.uint64(0)
    for i in range(n):
        hashed = _next_character_hash(hashed, codes, i)
        if i >= CHARACTER_NGRAM - 1 and _in_part(hashed, part, parts, multiplier):
            sift(sieve, sieve_shift, hashed, multiplier)
    hashed, distinct = np.uint64(0), 0
    for i in range(n):
        hashed = _next_character_hash(hashed, codes, i)
        if i < CHARACTER_NGRAM - 1 or not _in_part(hashed, part, parts, multiplier):
            continue
        if is_unique(sieve, sieve_shift, hashed, multiplier):
            histogram[1] += 1
            continue
        entry = insert(table, shift, hashed, base, distinct, multiplier)
        if entry < 0:
            counts[distinct] = 1
            distinct += 1
        else:
            counts[entry] += 1
    return distinct


@kernel
def _take_most_frequent(wanted, histogram, large):  # type: ignore[no-untyped-def]
    """Sum of the `wanted` largest counts; uses up `large`, of which a document has only a few."""
    total = 0
    for _ in range(min(wanted, len(large))):
        best = 0
        for i in range(len(large)):
            best = i if large[i] > large[best] else best
        total += large[best]
        large[best] = 0
        wanted -= 1
    for count in range(HISTOGRAM - 1, 0, -1):
        taken = min(wanted, histogram[count])
        total += taken * count
        wanted -= taken
    return total


@kernel
def character_ngrams(codes, n, counts, histogram, large, sieve, table, base, multiplier):  # type: ignore[no-untyped-def]
    """(occurrences of the floor(sqrt(distinct)) most frequent character 10-grams, next free `base`).

    `large` needs n // HISTOGRAM + 1 entries, `counts` as many as the table has slots.
    """
    histogram[:] = 0
    parts = (n + PARTITION - 1) // PARTITION
    listed = 0
    for part in range(parts):
        found = _count_part(codes, n, part, parts, counts, histogram, sieve, table, base, multiplier)
        base += found
        for entry in range(found):
            if counts[entry] < HISTOGRAM:
                histogram[counts[entry]] += 1
            else:
                large[listed] = counts[entry]
                listed += 1
    distinct = listed + histogram.sum()
    return _take_most_frequent(int(math.sqrt(distinct)), histogram, large[:listed]), base
