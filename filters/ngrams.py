"""Kernels for repeated n-grams of words and characters in one document."""

import math

import numpy as np

from filters.hashing import BASE, INVERSE_BASE, ONE, ORDER_BASE, insert, kernel, mix, power, table_size, value

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
        weight *= power(BASE, count)
        inverses[i + 1] = inverses[i] * power(INVERSE_BASE, count)
        order[i] = mix(hashed)


@kernel
def word_ngrams(n, words, lengths, order, counts, keys, values, base, seed):  # type: ignore[no-untyped-def]
    """(characters of the first most frequent n-gram times its count, occurrences of n-grams that recur).

    Characters include the n - 1 spaces. Needs words >= n; uses `words` entries of the table.
    """
    mask = table_size(words) - 1
    hashed, drop = np.uint64(0), power(ORDER_BASE, n)
    best, best_count, recurring = 0, 0, 0
    for i in range(words):
        hashed = hashed * ORDER_BASE + order[i]
        if i >= n:
            hashed -= drop * order[i - n]
        first = i - n + 1
        if first < 0:
            continue
        entry = insert(keys, values, mask, hashed, base, first, seed)
        counts[first] = 1 if entry < 0 else 0
        if entry >= 0:
            counts[entry] += 1
    for first in range(words - n + 1):
        if counts[first] > best_count:
            best, best_count = first, counts[first]
        recurring += counts[first] if counts[first] > 1 else 0
    return (lengths[best + n] - lengths[best] + n - 1) * best_count, recurring


@kernel
def duplicate_word_ngrams(n, words, sums, inverses, lengths, keys, values, base, seed):  # type: ignore[no-untyped-def]
    """Characters of n-grams seen before, left to right: one that was is skipped as a whole.

    N-grams compare as written without spaces ("can not" equals "cannot"), which is datatrove's reading.
    """
    mask = table_size(words) - 1
    characters, i = 0, 0
    while i + n <= words:
        hashed = (sums[i + n] - sums[i]) * inverses[i]
        if insert(keys, values, mask, hashed, base, i, seed) >= 0:
            characters += lengths[i + n] - lengths[i]
            i += n
        else:
            i += 1
    return characters


@kernel
def _count_partition(codes, n, part, parts, counts, keys, values, base, seed):  # type: ignore[no-untyped-def]
    """Count the distinct n-grams of one of `parts` equal shares by hash into `counts`; their number."""
    mask = table_size(min(n, PARTITION)) - 1
    hashed, distinct = np.uint64(0), 0
    for i in range(n):
        hashed = hashed * BASE + value(codes[i])
        if i >= CHARACTER_NGRAM:
            hashed -= _CHARACTER_DROP * value(codes[i - CHARACTER_NGRAM])
        if i < CHARACTER_NGRAM - 1:
            continue
        if parts > 1 and np.int64(mix(hashed + seed) >> np.uint64(33)) % parts != part:
            continue
        entry = insert(keys, values, mask, hashed, base, distinct, seed)
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
def character_ngrams(codes, n, counts, histogram, large, keys, values, base, seed):  # type: ignore[no-untyped-def]
    """(occurrences of the floor(sqrt(distinct)) most frequent character 10-grams, next free `base`).

    `large` needs n // HISTOGRAM + 1 entries, `counts` as many as the table has slots.
    """
    histogram[:] = 0
    parts = (n + PARTITION - 1) // PARTITION
    distinct, listed = 0, 0
    for part in range(parts):
        found = _count_partition(codes, n, part, parts, counts, keys, values, base, seed)
        base += found
        distinct += found
        for entry in range(found):
            if counts[entry] < HISTOGRAM:
                histogram[counts[entry]] += 1
            else:
                large[listed] = counts[entry]
                listed += 1
    return _take_most_frequent(int(math.sqrt(distinct)), histogram, large[:listed]), base
