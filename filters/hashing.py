"""Hashes and the hash table that the kernels share.

A string's hash is the polynomial sum of value(c_j) * BASE^j modulo 2^64 over its code points, so hashes of
concatenations follow from the parts: hash(xy) = hash(x) + BASE^len(x) * hash(y). `mix` spreads it before it is used.

These functions are compiled into the kernels that call them, and numba's disk cache looks at the caller's file only:
after an edit here, delete `filters/__pycache__/*.nbi`.
"""

import secrets

import numpy as np
from numba import njit

# Kernels allocate nothing, and numba's reference counting is off in them: it would cost two atomic operations for each
# array and call, half of the run time where functions are called once a token.
kernel = njit(nogil=True, cache=True, _nrt=False)

_ODD_BASE = 0x9E3779B97F4A7C55
BASE = np.uint64(_ODD_BASE)
INVERSE_BASE = np.uint64(pow(_ODD_BASE, -1, 1 << 64))
ORDER_BASE = np.uint64(0xD6E8FEB86659FD93)  # of word sequences
_VALUE_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_S32 = np.uint64(32)
_S33 = np.uint64(33)
ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)
REPLACEMENT = np.uint32(0xFFFD)
LAST_CODE_POINT = np.uint32(0x10FFFF)


@kernel
def mix(key):  # type: ignore[no-untyped-def]
    """MurmurHash3's 64-bit finaliser: a bijection."""
    key ^= key >> _S33
    key *= _MIX_1
    key ^= key >> _S33
    key *= _MIX_2
    return key ^ (key >> _S33)


@kernel
def value(code):  # type: ignore[no-untyped-def]
    """A code point's coefficient in the polynomial; never 0."""
    product = (np.uint64(code) + ONE) * _VALUE_FACTOR
    return product ^ (product >> _S32)


@kernel
def power(base, exponent):  # type: ignore[no-untyped-def]
    """base ** exponent modulo 2^64."""
    result = ONE
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


_BASE_POWERS = np.array([pow(int(BASE), i, 1 << 64) for i in range(64)], np.uint64)
_INVERSE_POWERS = np.array([pow(int(INVERSE_BASE), i, 1 << 64) for i in range(64)], np.uint64)


@kernel
def power_of_base(exponent):  # type: ignore[no-untyped-def]
    """BASE ** exponent modulo 2^64, from a table for words of common length."""
    return _BASE_POWERS[exponent] if exponent < 64 else power(BASE, exponent)


@kernel
def power_of_inverse(exponent):  # type: ignore[no-untyped-def]
    """BASE ** -exponent modulo 2^64."""
    return _INVERSE_POWERS[exponent] if exponent < 64 else power(INVERSE_BASE, exponent)


@kernel
def _continues(byte):  # type: ignore[no-untyped-def]
    return byte & 0xC0 == 0x80


@kernel
def _decode_long(data, position, end):  # type: ignore[no-untyped-def]
    first = np.uint32(data[position])
    if first < 0xC2 or first > 0xF4 or position + ONE >= end:
        return REPLACEMENT, 1
    second = np.uint32(data[position + ONE])
    if not _continues(second):
        return REPLACEMENT, 1
    if first < 0xE0:
        return np.uint32((first & 0x1F) << 6 | second & 0x3F), 2
    if position + _TWO >= end:
        return REPLACEMENT, 1
    third = np.uint32(data[position + _TWO])
    if not _continues(third):
        return REPLACEMENT, 1
    if first < 0xF0:
        return np.uint32((first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F), 3
    if position + _THREE >= end:
        return REPLACEMENT, 1
    fourth = np.uint32(data[position + _THREE])
    code = np.uint32((first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F)
    if not _continues(fourth) or code > LAST_CODE_POINT:
        return REPLACEMENT, 1
    return code, 4


@kernel
def decode(data, position, end):  # type: ignore[no-untyped-def]
    """(code point, bytes) at `position`; a byte that is not UTF-8 is U+FFFD. Never reads at or past `end`."""
    if data[np.uint64(position)] < 0x80:
        return np.uint32(data[np.uint64(position)]), 1
    return _decode_long(data, np.uint64(position), np.uint64(end))


# A hash table and a sieve before it. Both find their slot by multiplying with TABLE_MULTIPLIER, an odd number drawn
# once a process (Dietzfelbinger's multiply-shift), so that no text can be crafted to collide; no result depends on it.
TABLE_MULTIPLIER = np.uint64(secrets.randbits(64) | 1)
SLOT = np.dtype([("key", np.uint64), ("value", np.int64)])
SIEVE_SLOTS = 16  # for each key: one in eight distinct keys shares a slot


@kernel
def table_shift(entries):  # type: ignore[no-untyped-def]
    """64 - log2 of the slots that keep a table at most half full."""
    shift = 60
    while np.int64(1) << (64 - shift) < 2 * entries:
        shift -= 1
    return shift


@kernel
def slot_of(key, shift, multiplier):  # type: ignore[no-untyped-def]
    """The first slot to look at."""
    return (key * multiplier) >> np.uint64(shift)  # unsigned: numba would look for negative indices otherwise


@kernel
def insert(table, shift, key, base, entry, multiplier):  # type: ignore[no-untyped-def]
    """The entry stored under `key`, else -1 after storing `entry` (>= 0) there.

    Open addressing with linear probing over the first 2 ** (64 - shift) slots. A slot whose value is below `base` is
    empty: a table is emptied by raising `base` above every value stored so far, which costs nothing.
    """
    slot, mask = slot_of(key, shift, multiplier), (ONE << np.uint64(64 - shift)) - ONE
    while table[slot].value >= base:
        if table[slot].key == key:
            return table[slot].value - base
        slot = (slot + ONE) & mask
    table[slot].key = key
    table[slot].value = base + entry
    return np.int64(-1)


@kernel
def fresh(used, entries):  # type: ignore[no-untyped-def]
    """The `base` of a table emptied for as many entries; used[0] is the next free one, 1 at first."""
    base = used[0]
    used[0] += entries
    return base


@kernel
def clear_sieve(sieve, keys):  # type: ignore[no-untyped-def]
    """Make room for a number of keys; the shift to use."""
    shift = table_shift(keys * SIEVE_SLOTS // 2)
    sieve[: np.int64(1) << (64 - shift)] = 0
    return shift


@kernel
def sift(sieve, shift, key, multiplier):  # type: ignore[no-untyped-def]
    """Note that `key` occurs."""
    slot = slot_of(key, shift, multiplier)
    sieve[slot] = np.uint8(1) + np.uint8(sieve[slot] != 0)


@kernel
def is_unique(sieve, shift, key, multiplier):  # type: ignore[no-untyped-def]
    """Whether a key noted before was certainly noted only once; spares most keys the table."""
    return sieve[slot_of(key, shift, multiplier)] == 1
