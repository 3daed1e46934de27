"""Kernels for repeated n-grams of words and characters in one document.

Most n-grams of a text occur once. A sieve finds those that may not, and only they reach a hash table; from one length
to the next, only what was repeated before can be.
"""

import math

import numpy as np

from filters import lines as ln
from filters.hashing import (
    BASE,
    ONE,
    ORDER_BASE,
    clear_sieve,
    fresh,
    insert,
    is_unique,
    kernel,
    mix,
    power_of_base,
    power_of_inverse,
    sift,
    table_shift,
)
from filters.segment import AHEAD, ALPHABETIC, NON_SYMBOL

CHARACTER_NGRAM = 10
PARTITION = 1 << 20  # character n-grams counted at a time: the table stays below 32 MB for any document
HISTOGRAM = 4096  # counts below are kept as a histogram, the few above as a list
_BASE_2, _BASE_4, _BASE_8 = (np.uint64(pow(int(BASE), i, 1 << 64)) for i in (2, 4, 8))


@kernel
def count_words(tokens, scratch, row):  # type: ignore[no-untyped-def]
    """Words by kind; and to the scratch the mixed hash of each, and the code points before it."""
    order, lengths = scratch.order, scratch.lengths
    characters, alphabetic, visible, visible_characters = 0, 0, 0, 0
    lengths[0] = 0
    for i in range(len(tokens)):
        count, flags = np.int64(tokens[i].characters), np.int64(tokens[i].flags)
        order[i] = mix(tokens[i].hash)
        characters += count
        lengths[i + 1] = characters
        alphabetic += flags & ALPHABETIC != 0
        visible += flags & NON_SYMBOL != 0
        visible_characters += count if flags & NON_SYMBOL else 0
    row[ln.WORDS], row[ln.ALPHABETIC_WORDS] = len(tokens), alphabetic
    row[ln.NON_SYMBOL_WORDS], row[ln.NON_SYMBOL_CHARACTERS] = visible, visible_characters


@kernel
def _bigrams(words, scratch):  # type: ignore[no-untyped-def]
    """Positions and hashes of the 2-grams that may be repeated; their number."""
    order, hashes, positions, sieve = scratch.order, scratch.hashes, scratch.positions, scratch.sieve
    shift = clear_sieve(sieve, words)
    for i in range(words - 1):
        hashes[i] = order[i] * ORDER_BASE + order[i + 1]
        sift(sieve, shift, hashes[i], scratch.multiplier)
    found = np.uint64(0)
    for i in range(words - 1):
        hashed = hashes[i]
        hashes[found], positions[found] = hashed, i
        found += np.uint64(not is_unique(sieve, shift, hashed, scratch.multiplier))
    return np.int64(found)


@kernel
def _tally(found, scratch):  # type: ignore[no-untyped-def]
    """Number the distinct n-grams by first occurrence and count each; how many there are."""
    base, shift, distinct = fresh(scratch.used, found), table_shift(found), 0
    for j in range(found):
        entry = insert(scratch.table, shift, scratch.hashes[j], base, distinct, scratch.multiplier)
        if entry < 0:
            entry = distinct
            scratch.firsts[entry], scratch.counts[entry] = scratch.positions[j], 0
            distinct += 1
        scratch.counts[entry] += 1
        scratch.entries[j] = entry
    return distinct


@kernel
def _extend(n, found, scratch):  # type: ignore[no-untyped-def]
    """Make (n + 1)-grams of the repeated n-grams that a repeated one follows; their number."""
    positions, entries, hashes, counts = scratch.positions, scratch.entries, scratch.hashes, scratch.counts
    kept = np.uint64(0)
    for j in range(found - 1):
        first = positions[j]
        repeated = (counts[entries[j]] > 1) & (counts[entries[j + 1]] > 1) & (positions[j + 1] == first + 1)
        hashes[kept] = hashes[j] * ORDER_BASE + scratch.order[first + n]
        positions[kept] = first
        kept += np.uint64(repeated)
    return np.int64(kept)


@kernel
def count_token_ngrams(words, scratch, row):  # type: ignore[no-untyped-def]
    """Characters of the first most frequent n-gram (with the spaces) times its count, and 5-grams that recur."""
    lengths, counts = scratch.lengths, scratch.counts
    found = _bigrams(words, scratch)
    for n in range(2, 6):
        distinct = _tally(found, scratch)
        best, best_count, recurring = 0, 1, 0
        for entry in range(distinct):
            if counts[entry] > best_count:
                best, best_count = scratch.firsts[entry], counts[entry]
            recurring += counts[entry] if counts[entry] > 1 else 0
        if n < 5:
            top = (lengths[best + n] - lengths[best] + n - 1) * best_count if words >= n else ln.NOT_APPLICABLE
            row[ln.TOP_2 + n - 2] = top
            found = _extend(n, found, scratch)
        else:
            row[ln.FIVE_GRAMS], row[ln.REPEATED_FIVE_GRAMS] = max(words - n + 1, 0), recurring


@kernel
def _find_repeats_ahead(tokens, scratch):  # type: ignore[no-untyped-def]
    """Note in `repeats` whether the AHEAD code points from each word on may begin another word's, too."""
    repeats, sieve = scratch.repeats, scratch.sieve
    shift = clear_sieve(sieve, len(tokens))
    for i in range(len(tokens)):
        sift(sieve, shift, np.uint64(tokens[i].ahead), scratch.multiplier)
    for i in range(len(tokens)):
        repeats[i] = not is_unique(sieve, shift, np.uint64(tokens[i].ahead), scratch.multiplier)
        scratch.positions[i] = i


@kernel
def _keep_possible(n, found, words, scratch):  # type: ignore[no-untyped-def]
    """Move the positions of n-grams that may equal another's text to the front; their number.

    Equal texts may be cut into words differently, so nothing follows from the words they are made of. But they begin
    with the same AHEAD code points, or are shorter.
    """
    lengths, positions, repeats = scratch.lengths, scratch.positions, scratch.repeats
    kept = np.uint64(0)
    for j in range(found):
        i = positions[j]
        positions[kept] = i
        possible = repeats[i] | (lengths[min(i + n, words)] - lengths[i] < AHEAD)
        kept += np.uint64(possible & (i + n <= words))
    return np.int64(kept)


@kernel
def _sum_words(tokens, scratch):  # type: ignore[no-untyped-def]
    """(sums[j] - sums[i]) * inverses[i] is the hash of tokens i..j-1 written without spaces."""
    sums, inverses = scratch.sums, scratch.inverses
    sums[0], inverses[0], weight = np.uint64(0), ONE, ONE
    for i in range(len(tokens)):
        count = np.int64(tokens[i].characters)
        sums[i + 1] = sums[i] + tokens[i].hash * weight
        weight *= power_of_base(count)
        inverses[i + 1] = inverses[i] * power_of_inverse(count)


@kernel
def _keep_repeated_texts(n, found, scratch):  # type: ignore[no-untyped-def]
    """Hashes and positions (in `firsts`) of those n-grams whose text may be repeated; their number."""
    sums, positions, hashes, sieve = scratch.sums, scratch.positions, scratch.hashes, scratch.sieve
    shift, kept = clear_sieve(sieve, found), np.uint64(0)
    for j in range(found):
        i = positions[j]
        hashes[j] = (sums[i + n] - sums[i]) * scratch.inverses[i]
        sift(sieve, shift, hashes[j], scratch.multiplier)
    for j in range(found):
        hashed = hashes[j]
        hashes[kept], scratch.firsts[kept] = hashed, positions[j]
        kept += np.uint64(not is_unique(sieve, shift, hashed, scratch.multiplier))
    return np.int64(kept)


@kernel
def _duplicate_characters(n, found, scratch):  # type: ignore[no-untyped-def]
    """Characters of n-grams seen before, left to right: one that was is skipped as a whole."""
    lengths, base, shift = scratch.lengths, fresh(scratch.used, found), table_shift(found)
    characters, resume = 0, 0
    for j in range(found):
        i = scratch.firsts[j]
        if i >= resume and insert(scratch.table, shift, scratch.hashes[j], base, j, scratch.multiplier) >= 0:
            characters += lengths[i + n] - lengths[i]
            resume = i + n
    return characters


@kernel
def count_duplicate_ngrams(tokens, scratch, row):  # type: ignore[no-untyped-def]
    """N-grams that compare as written without spaces ("can not" equals "cannot"), which is datatrove's reading."""
    words = len(tokens)
    found = words
    _find_repeats_ahead(tokens, scratch)
    _sum_words(tokens, scratch)
    for n in range(5, 11):
        found = _keep_possible(n, found, words, scratch)
        if found < 2:
            break
        repeated = _keep_repeated_texts(n, found, scratch)
        row[ln.DUPLICATE_5 + n - 5] = _duplicate_characters(n, repeated, scratch)


@kernel
def _hash_characters(codes, hashes):  # type: ignore[no-untyped-def]
    """Hash of the 10 code points from each on, from those of 2, 4 and 8: loops without a chain, for vector units."""
    n = len(codes)
    for i in range(n - 1):
        hashes[i] = np.uint64(codes[i]) + BASE * np.uint64(codes[i + 1])
    for i in range(n - 9):
        two, four, six, eight, ten = hashes[i], hashes[i + 2], hashes[i + 4], hashes[i + 6], hashes[i + 8]
        hashes[i] = two + _BASE_2 * four + _BASE_4 * (six + _BASE_2 * eight) + _BASE_8 * ten


@kernel
def _keep_part(hashes, part, parts, multiplier):  # type: ignore[no-untyped-def]
    """Move one of `parts` equal shares of the hashes to the front; their number."""
    kept = 0
    for i in range(len(hashes)):
        hashed = hashes[i]
        hashes[kept] = hashed
        kept += np.int64(mix(hashed + multiplier) >> np.uint64(33)) % parts == part
    return kept


@kernel
def _keep_repeated(hashes, scratch):  # type: ignore[no-untyped-def]
    """Move the hashes that may be repeated to the front; their number."""
    shift, kept = clear_sieve(scratch.sieve, min(len(hashes), PARTITION)), np.uint64(0)
    for i in range(len(hashes)):
        sift(scratch.sieve, shift, hashes[i], scratch.multiplier)
    for i in range(len(hashes)):
        hashed = hashes[i]
        hashes[kept] = hashed
        kept += np.uint64(not is_unique(scratch.sieve, shift, hashed, scratch.multiplier))
    return np.int64(kept)


@kernel
def _count_hashes(hashes, scratch):  # type: ignore[no-untyped-def]
    """Occurrences of each distinct hash into `counts`; how many there are."""
    expected, counts, distinct = min(len(hashes), PARTITION), scratch.counts, 0
    base, shift = fresh(scratch.used, expected), table_shift(expected)
    for i in range(len(hashes)):
        entry = insert(scratch.table, shift, hashes[i], base, distinct, scratch.multiplier)
        if entry < 0:
            counts[distinct] = 1
            distinct += 1
        else:
            counts[entry] += 1
    return distinct


@kernel
def _most_frequent(wanted, highest, histogram, large):  # type: ignore[no-untyped-def]
    """Sum of the `wanted` largest counts; uses up `large`, of which a document has only a few."""
    total = 0
    for _ in range(min(wanted, len(large))):
        best = 0
        for i in range(len(large)):
            best = i if large[i] > large[best] else best
        total += large[best]
        large[best] = 0
        wanted -= 1
    for count in range(highest, 0, -1):
        taken = min(wanted, histogram[count])
        total += taken * count
        wanted -= taken
    return total


@kernel
def count_character_ngrams(codes, scratch, row):  # type: ignore[no-untyped-def]
    """Occurrences of the floor(sqrt(distinct)) most frequent character 10-grams."""
    histogram, counts = scratch.histogram, scratch.counts
    grams = max(len(codes) - CHARACTER_NGRAM + 1, 0)
    parts = (grams + PARTITION - 1) // PARTITION
    listed, highest, distinct = 0, 1, 0
    for part in range(parts):
        hashes, kept = scratch.character_hashes[: len(codes)], grams
        _hash_characters(codes, hashes)
        if parts > 1:
            kept = _keep_part(hashes[:grams], part, parts, scratch.multiplier)
        repeated = _keep_repeated(hashes[:kept], scratch)
        found = _count_hashes(hashes[:repeated], scratch)
        histogram[1] += kept - repeated
        distinct += kept - repeated + found
        for entry in range(found):
            count = np.int64(counts[entry])
            if count < HISTOGRAM:
                histogram[count] += 1
                highest = max(highest, count)
            else:
                scratch.large[listed] = count
                listed += 1
    row[ln.CHARACTER_GRAMS] = grams
    wanted = int(math.sqrt(distinct))
    row[ln.REPEATED_CHARACTER_GRAMS] = _most_frequent(wanted, highest, histogram, scratch.large[:listed])
    histogram[: highest + 1] = 0
