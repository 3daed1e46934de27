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
ONE = np.uint64(1)
REPLACEMENT = np.uint32(0xFFFD)
LAST_CODE_POINT = np.uint32(0x10FFFF)

# Where keys lie in a table differs from process to process (results never do): no text can be crafted to collide.
TABLE_SEED = np.uint64(secrets.randbits(64))


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


@kernel
def _continues(byte):  # type: ignore[no-untyped-def]
    return byte & 0xC0 == 0x80


@kernel
def _decode_long(data, position, end):  # type: ignore[no-untyped-def]
    first = np.uint32(data[position])
    if first < 0xC2 or first > 0xF4 or position + 1 >= end:
        return REPLACEMENT, 1
    second = np.uint32(data[position + 1])
    if not _continues(second):
        return REPLACEMENT, 1
    if first < 0xE0:
        return np.uint32((first & 0x1F) << 6 | second & 0x3F), 2
    if position + 2 >= end:
        return REPLACEMENT, 1
    third = np.uint32(data[position + 2])
    if not _continues(third):
        return REPLACEMENT, 1
    if first < 0xF0:
        return np.uint32((first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F), 3
    if position + 3 >= end:
        return REPLACEMENT, 1
    fourth = np.uint32(data[position + 3])
    code = np.uint32((first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F)
    if not _continues(fourth) or code > LAST_CODE_POINT:
        return REPLACEMENT, 1
    return code, 4


@kernel
def decode(data, position, end):  # type: ignore[no-untyped-def]
    """(code point, bytes) at `position`; a byte that is not UTF-8 is U+FFFD. Never reads at or past `end`."""
    if data[position] < 0x80:
        return np.uint32(data[position]), 1
    return _decode_long(data, position, end)


@kernel
def table_size(entries):  # type: ignore[no-untyped-def]
    """The power of two that keeps the table at most half full."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@kernel
def insert(keys, values, mask, key, base, entry, seed):  # type: ignore[no-untyped-def]
    """The entry stored under `key`, else -1 after storing `entry` (>= 0) there.

    Open addressing with linear probing over the first `mask` + 1 slots. A slot whose value is below `base` is empty:
    a table is emptied by raising `base` above every value stored so far, which costs nothing.
    """
    slot = np.int64(mix(key ^ seed)) & mask
    while values[slot] >= base:
        if keys[slot] == key:
            return values[slot] - base
        slot = (slot + 1) & mask
    keys[slot] = key
    values[slot] = base + entry
    return np.int64(-1)
