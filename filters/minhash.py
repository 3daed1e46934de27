"""MinHash signatures of word or character n-grams, and the hashes that exact and near duplicates are joined by.

Shingles are n-grams of folded words (lower case, canonically decomposed, digits as 0; see `filters.characters.fold`)
without punctuation tokens. Marks stay: stripping them merges different words in most scripts. In scripts without
spaces, told by the script of `language`, shingles are n-grams of folded code points of the words, so that a new ICU
dictionary changes no signature: n times 2 code points for Han and kana, times 4 for Thai, Lao, Khmer and Myanmar,
about the mean word length there, which makes one changed word cost as many shingles as in a spaced script.

Each shingle's 32-bit hash goes through datasketch 2's scheme "affine32": MurmurHash3's 32-bit finaliser, then
a_k * h + b_k modulo 2^32 with a_k odd; a_k and b_k are datasketch's for the same seed. Signatures depend on the
Unicode version of Python's `unicodedata` for newly assigned letters only.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from filters import characters as ch
from filters.columns import PERMUTATIONS
from filters.hashing import ORDER_BASE, decode, kernel, mix, power, power_of_base, value
from filters.segment import CONTINUES, WORD_LIKE, Segments, buffers, segment

EMPTY = np.uint32(0xFFFFFFFF)  # every value of a document without shingles

# Code points to a word of an n-gram, by ISO 15924 script of the label
CHARACTERS_PER_WORD = {
    **dict.fromkeys(("Hani", "Hans", "Hant", "Jpan", "Hira", "Kana"), 2),
    **dict.fromkeys(("Thai", "Laoo", "Khmr", "Mymr"), 4),
}

_CHANCE = 1 / (1 << 16)  # that the low 16 bits of different values are equal
_SPARK_SEED = 42  # of Spark's xxhash64
_U32 = np.uint64(32)
_MIX_1 = np.uint32(0x85EBCA6B)
_MIX_2 = np.uint32(0xC2B2AE35)


@kernel
def _word_units(tokens, units):  # type: ignore[no-untyped-def]
    """Folded hashes of the words into `units`, dictionary pieces put together again; their number."""
    count, weight, total = 0, np.uint64(1), np.uint64(0)
    for i in range(len(tokens)):
        flags = tokens[i].flags
        if not flags & WORD_LIKE:
            continue
        if not flags & CONTINUES:
            count += 1
            weight, total = np.uint64(1), np.uint64(0)
        total += tokens[i].folded * weight
        weight *= power_of_base(np.int64(tokens[i].folded_characters))
        units[count - 1] = mix(total)
    return count


@kernel
def _character_units(data, tokens, folded_of, sequences, units):  # type: ignore[no-untyped-def]
    """Folded code points of the words into `units`; their number."""
    count = 0
    for i in range(len(tokens)):
        if not tokens[i].flags & WORD_LIKE:
            continue
        position, end = np.int64(tokens[i].start), np.int64(tokens[i].end)
        while position < end:
            code, size = decode(data, position, end)
            position += size
            lower = folded_of[code]
            if lower < ch.CODE_POINTS:
                units[count] = value(lower)
                count += 1
                continue
            for column in range(sequences.shape[1]):
                part = sequences[np.int64(lower) - ch.CODE_POINTS, column]
                if part:
                    units[count] = value(part)
                    count += 1
    return count


@kernel
def _shingle(units, count, n, shingles):  # type: ignore[no-untyped-def]
    """32-bit hashes of the n-grams of `units` into `shingles`; their number."""
    hashed, drop = np.uint64(0), power(ORDER_BASE, n)
    for i in range(count):
        hashed = hashed * ORDER_BASE + units[i]
        if i >= n:
            hashed -= drop * units[i - n]
        if i >= n - 1:
            shingles[i - n + 1] = np.uint32(mix(hashed) >> _U32)
    return max(count - n + 1, 0)


@kernel
def _premix(shingles, count):  # type: ignore[no-untyped-def]
    """MurmurHash3's 32-bit finaliser, in place."""
    for i in range(count):
        hashed = shingles[i]
        hashed = np.uint32((hashed ^ (hashed >> np.uint32(16))) * _MIX_1)
        hashed = np.uint32((hashed ^ (hashed >> np.uint32(13))) * _MIX_2)
        shingles[i] = np.uint32(hashed ^ (hashed >> np.uint32(16)))


@kernel
def _permuted(factors, summands, k, hashed):  # type: ignore[no-untyped-def]
    return np.uint32(factors[k] * hashed + summands[k])


@kernel
def _minimise(shingles, count, factors, summands, signature):  # type: ignore[no-untyped-def]
    """Four shingles at a time, so that `signature` is loaded and stored a fourth as often: 2.4 times as fast."""
    whole = count - count % 4
    for i in range(0, whole, 4):
        one, two, three, four = shingles[i], shingles[i + 1], shingles[i + 2], shingles[i + 3]
        for k in range(len(factors)):
            first = min(_permuted(factors, summands, k, one), _permuted(factors, summands, k, two))
            second = min(_permuted(factors, summands, k, three), _permuted(factors, summands, k, four))
            signature[k] = min(signature[k], min(first, second))
    for i in range(whole, count):
        for k in range(len(factors)):
            signature[k] = min(signature[k], _permuted(factors, summands, k, shingles[i]))


@kernel
def _shingle_document(data, tokens, size, folded_of, sequences, ngram, units, shingles):  # type: ignore[no-untyped-def]
    """Shingles of one document into `shingles`; their number. `size`: code points to a word, 0: words."""
    if size:
        count = _character_units(data, tokens, folded_of, sequences, units)
        return _shingle(units, count, ngram * size, shingles)
    return _shingle(units, _word_units(tokens, units), ngram, shingles)


@kernel
def _sign(data, first, tokens, sizes, folded_of, sequences, ngram, units, shingles, factors, summands, signatures):  # type: ignore[no-untyped-def]
    for document in range(len(sizes)):
        mine = tokens[first[document] : first[document + 1]]
        count = _shingle_document(data, mine, sizes[document], folded_of, sequences, ngram, units, shingles)
        _premix(shingles, count)
        _minimise(shingles, count, factors, summands, signatures[document])


def _sizes(language: pa.StringArray) -> np.ndarray:
    """int64 code points to a word by document, 0: shingles of words."""
    labels = language.to_pylist()
    size = {label: CHARACTERS_PER_WORD.get((label or "").rpartition("_")[2], 0) for label in set(labels)}
    return np.array([size[label] for label in labels], np.int64)


def _scratch(segments: Segments, sequences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(units, shingles) for the longest document: a word, or a code point's folded parts, a byte at most."""
    longest = int(np.diff(segments.offsets).max(initial=0)) * sequences.shape[1]
    return np.empty(longest, np.uint64), np.empty(longest, np.uint32)


def _permutations(permutations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(factors, summands) uint32, those of datasketch's MinHash(num_perm=permutations, seed=seed)."""
    generator = np.random.RandomState(seed)
    factors = generator.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, generator.randint(0, 1 << 32, permutations, dtype=np.uint32)


def signatures(
    text: pa.StringArray,
    language: pa.StringArray,
    *,
    permutations: int = PERMUTATIONS,
    ngram: int = 5,
    seed: int = 1,
    segments: Segments | None = None,
) -> np.ndarray:
    """uint32 (documents, permutations); a document without shingles (null, or shorter than `ngram`) has EMPTY.

    `ngram` counts words; `language` has labels like `tha_Thai`, whose script decides between words and code points.
    """
    segments = segments or segment(text, dictionary=False)
    tables = ch.characters()
    out = np.full((len(segments.valid), permutations), EMPTY, np.uint32)
    given = segments.data, segments.first, segments.tokens, _sizes(language), tables.folded, tables.sequences
    _sign(*given, ngram, *_scratch(segments, tables.sequences), *_permutations(permutations, seed), out)
    return out


def shingles(text: str, language: str, *, ngram: int = 5) -> np.ndarray:
    """uint32 hashes of one text's shingles, in order: what `signatures` permutes."""
    segments, tables = segment(pa.array([text], pa.string()), dictionary=False), ch.characters()
    units, found = _scratch(segments, tables.sequences)
    size = int(_sizes(pa.array([language]))[0])
    count = _shingle_document(
        segments.data, segments.tokens, size, tables.folded, tables.sequences, ngram, units, found
    )
    return found[:count].copy()


def shingle_sets(text: pa.StringArray, language: pa.StringArray, *, ngram: int = 5) -> pa.BinaryArray:
    """Each text's distinct shingles as `jaccard` compares them: sorted uint32, little-endian. Empty without shingles."""
    segments, tables = segment(text, dictionary=False), ch.characters()
    units, found = _scratch(segments, tables.sequences)
    given = tables.folded, tables.sequences, ngram, units, found
    sets = []
    for size, start, end in zip(_sizes(language).tolist(), segments.first[:-1], segments.first[1:], strict=True):
        count = _shingle_document(segments.data, segments.tokens[start:end], size, *given)
        sets.append(np.unique(found[:count]).astype("<u4").tobytes())
    return pa.array(sets, pa.binary())


def pack(signatures: np.ndarray) -> pa.BinaryArray:
    """The low 16 bits of each value, little-endian; null without shingles. What the column `minhash` holds."""
    empty = (signatures == EMPTY).all(axis=1)
    low = np.ascontiguousarray(signatures.astype("<u2"))
    packed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(low.shape[1] * 2), len(low), [None, pa.py_buffer(low)]
    ).cast(pa.binary())
    return pc.if_else(pa.array(empty), pa.scalar(None, pa.binary()), packed)


def estimate(one: pa.BinaryArray, other: pa.BinaryArray) -> np.ndarray:
    """float64 Jaccard similarity of packed signatures of one width, pair by pair: the share of equal values.

    Different minima have equal low 16 bits once in 65,536 times, which is taken off. The standard error is
    sqrt(s * (1 - s) / permutations), 0.043 at 0.7 with 112; of pairs chosen because a band of them is equal the
    estimate is too high by (1 - s) * rows / permutations, 0.02 there.
    """
    equal = (_values(one) == _values(other)).mean(axis=1) if len(one) else np.zeros(0)
    return (equal - _CHANCE) / (1 - _CHANCE)


def _values(packed: pa.BinaryArray) -> np.ndarray:
    return np.frombuffer(b"".join(packed.to_pylist()), "<u2").reshape(len(packed), -1)


def jaccard(one: pa.BinaryArray, other: pa.BinaryArray) -> np.ndarray:
    """float64 Jaccard similarity of sets from `shingle_sets`, pair by pair; 0 where both are empty."""
    sizes = [np.array([len(each) // 4 for each in sets.to_pylist()], np.int64) for sets in (one, other)]
    flat = (np.frombuffer(b"".join(sets.to_pylist()), "<u4") for sets in (one, other))
    shared = np.zeros(len(one), np.int64)
    _count_shared(*flat, *sizes, shared)
    return shared / np.maximum(sizes[0] + sizes[1] - shared, 1)


@kernel
def _count_shared(left, right, left_sizes, right_sizes, shared):  # type: ignore[no-untyped-def]
    """Members that two sorted sets have in common, pair by pair."""
    i = j = 0
    for pair in range(len(shared)):
        left_end, right_end = i + left_sizes[pair], j + right_sizes[pair]
        while i < left_end and j < right_end:
            if left[i] == right[j]:
                shared[pair] += 1
            low = min(left[i], right[j])
            i, j = i + (left[i] == low), j + (right[j] == low)
        i, j = left_end, right_end


def band_keys(packed: pa.BinaryArray, bands: int = 14, rows: int = 8) -> np.ndarray:
    """int64 (documents, bands): documents that share a key in the same band are candidates.

    The key is XXH64 with seed 42 of the band's 2 * rows bytes, as Spark's `xxhash64(substring(minhash, ...))`. Rows
    of null signatures are 0 and mean nothing: leave them out.
    """
    keys, width = np.zeros((len(packed), bands), np.int64), 2 * rows
    for document, signature in enumerate(packed.to_pylist()):
        if signature is None:
            continue
        if len(signature) != bands * width:
            raise ValueError(f"a signature of {len(signature)} bytes is not {bands} bands of {rows} rows of 2 bytes")
        cut = (signature[band * width : (band + 1) * width] for band in range(bands))
        keys[document] = np.array([xxhash.xxh64_intdigest(part, _SPARK_SEED) for part in cut], np.uint64).view(np.int64)
    return keys


def exact_hash(text: pa.StringArray) -> pa.Int64Array:
    """XXH3 (64 bits) of the text in lower case, white space collapsed to one space; null without text."""
    data, offsets, _ = buffers(text)
    hashes, missing = np.zeros(len(text), np.uint64), np.ones(len(text), bool)
    for i in range(len(text)):
        words = data[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8", "replace").lower().split()
        if words:
            hashes[i] = xxhash.xxh3_64_intdigest(" ".join(words).encode())
            missing[i] = False
    return pa.array(hashes.view(np.int64), mask=missing)
