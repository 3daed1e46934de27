"""The byte stream under WARC and ARC: plain or gzip members, with offsets and recovery.

Damage is a state (`ArchiveStream.damage`), not an exception, because reading goes on behind it. Work and memory stay
linear in the file even where it was made to provoke rescans: going back is paid from a budget.
"""

import re
import zlib
from typing import BinaryIO

from curate.sources.opening import GZIP_MAGIC

READ_BYTES = 1 << 20
FEED_BYTES = 1 << 18  # most compressed bytes given to zlib at once
FIRST_FEED_BYTES = 1 << 10
PROBE_BYTES = 1 << 13  # compressed bytes that surely hold the first line of a record
OUTPUT_BYTES = 1 << 20  # most decompressed bytes taken from zlib at once
RESCAN_BYTES = 1 << 28  # how far a file may send us back in all, beside RESCAN_RATIO times its size
RESCAN_RATIO = 4
# A member's first bytes, RFC 1952: no reserved flags, a known compression level. (Its operating system may be any:
# Common Crawl has some with 19.)
_MEMBER_HEADER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04]", re.DOTALL)
_MEMBER_HEADER_BYTES = 9

_BLANK = re.compile(rb"[\r\n]*")


def _count_blank(buffer: bytearray) -> int:
    match = _BLANK.match(buffer)
    return match.end() if match else 0


class ArchiveStream:
    """Decompressed bytes of an archive, from its beginning.

    A gzip member that begins with `boundary` (the first line of a record) ends what came before, so that a record
    which lost its end cannot swallow the next. Other members go on with the one before: a record may span several.
    `boundary_bytes`: the longest match of `boundary`.
    """

    def __init__(self, file: BinaryIO, boundary: re.Pattern[bytes], boundary_bytes: int) -> None:
        self.damage: str | None = None  # why the current member cannot be read further
        self._file = file
        self._boundary = boundary
        self._boundary_bytes = boundary_bytes
        self._line_boundary = re.compile(rb"(?m:^)(?:" + boundary.pattern + rb")")
        self._rescanned = 0
        self._buffer = bytearray()
        self._blank = b""  # the end of what settle() passed over
        self._unzip: zlib._Decompress | None = None  # of the current member; None between members
        self._member, self._produced, self._feed = 0, 0, 0
        self._member_begins_record = False
        self._raw, self._raw_at, self._raw_offset = b"", 0, 0  # bytes of the file, how many are used, where they lie
        self.is_gzip = self._peek_raw(3) == GZIP_MAGIC

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def offset(self) -> int:
        """Where the next byte lies, as in `Record.offset`."""
        if not self.is_gzip:
            return self._raw_offset + self._raw_at - len(self._buffer)
        return self._member + max(0, self._produced - len(self._buffer))

    def behind(self, end: int) -> bool:
        """Whether the current record belongs to a split that starts at file offset `end`."""
        return self.is_gzip and self._member >= end and self._member_begins_record

    def has(self, size: int) -> bool:
        """Whether a plain file goes on for `size` bytes; True where its size is not known."""
        file_size = getattr(self._file, "size", None)
        return file_size is None or self.offset + size <= file_size

    def boundary_in(self, data: bytes) -> bool:
        return self._line_boundary.search(data) is not None

    @property
    def passed_blank_line(self) -> bool:
        """Whether the last settle() passed over the two line ends that close a record."""
        return self._blank.endswith((b"\r\n\r\n", b"\n\n"))

    def settle(self) -> bool:
        """Pass over blank lines to the end of the member, and its checksum; whether anything else is left of it."""
        self._blank = b""
        while True:
            if blank := _count_blank(self._buffer):
                self._blank = (self._blank + self._take(blank))[-4:]
            if self._buffer:
                return True
            if self.is_gzip and not self._unzip:
                return False
            if not (self._inflate() if self.is_gzip else self._read_plain()) and not self._unzip:
                return False

    def begin_record(self) -> bool:
        """Pass over blank lines, entering the next member if need be; False at the end of the file or at damage."""
        while not self.settle():
            if not self.is_gzip or self.damage or not self._open_member():
                return False
        return True

    def starts_record(self) -> bool:
        while b"\n" not in self._buffer and len(self._buffer) < self._boundary_bytes and self._fill():
            pass
        return self._boundary.match(self._buffer) is not None

    def line(self, limit: int) -> bytes:
        """Through the next line feed; without one where the stream ends or the line is longer than `limit`."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched, limit)) < 0 and len(self._buffer) < limit:
            searched = len(self._buffer)
            if not self._fill():
                break
        return self._take(end + 1 if end >= 0 else min(limit, len(self._buffer)))

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer where the record is cut off."""
        while len(self._buffer) < size and self._fill():
            pass
        return self._take(min(size, len(self._buffer)))

    def skip(self, size: int) -> int:
        """Pass over `size` bytes without keeping them; returns how many there were."""
        left = size
        while left and (self._buffer or self._fill()):
            step = min(left, len(self._buffer))
            del self._buffer[:step]
            left -= step
        return size - left

    def put_back(self, data: bytes) -> bool:
        """Undo a read, and settle() behind it; False (and nothing done) when the file has used up its rescans."""
        if not self._affords(len(data)):
            return False
        self._buffer[:0] = data + self._blank
        return True

    # --- recovery ----------------------------------------------------------------------------------------------

    def read_to_record(self, limit: int) -> bytes | None:
        """Up to where the next record, or the file, begins or ends; None if that is more than `limit` bytes."""
        searched = 0
        while not (match := self._line_boundary.search(self._buffer, searched)) and len(self._buffer) <= limit:
            searched = max(searched, self._buffer.rfind(b"\n") + 1)
            if not self._fill():
                break
        end = match.start() if match else len(self._buffer)
        return self._take(end).rstrip(b"\r\n") if end <= limit else None

    def find_record(self) -> None:
        """Pass over everything up to the next line, or gzip member, at which a record begins."""
        while not (match := self._line_boundary.search(self._buffer)):
            last_line = self._buffer.rfind(b"\n") + 1
            if not last_line and len(self._buffer) > self._boundary_bytes:
                last_line = len(self._buffer)
            del self._buffer[:last_line]
            if not self._fill():
                self._buffer.clear()
                return
        del self._buffer[: match.start()]

    def restart(self, start: int) -> None:
        """Back to the file's beginning, or to the first record's member at or behind `start`."""
        self.damage, self._unzip = None, None
        self._buffer.clear()
        self._seek(0)
        if start:
            self.seek_member(start)

    def recover(self) -> None:
        """Give up the current member: on to the next one that begins with a record, if there is one."""
        position = self._raw_offset + self._raw_at
        if (self._unzip or self.damage) and self._affords(position - (self._member + 1)):
            position = self._member + 1
        self.damage, self._unzip = None, None
        self._buffer.clear()
        if self.is_gzip:
            self.seek_member(position)

    def seek_member(self, start: int) -> None:
        """To the first gzip member at or behind `start` whose decompressed beginning is a record."""
        self._seek(start)
        while self._find_member():
            if self._next_begins_record():
                return
            self._raw_at += 1
        self._raw_at = len(self._raw)

    def _affords(self, size: int) -> bool:
        """Whether to go back over `size` bytes: in all, no more than so much and a few times what was read."""
        if self._rescanned + size > RESCAN_BYTES + RESCAN_RATIO * (self._raw_offset + self._raw_at):
            return False
        self._rescanned += size
        return True

    # --- the file ----------------------------------------------------------------------------------------------

    def _seek(self, offset: int) -> None:
        if offset != self._file.tell():
            self._file.seek(offset)
        self._raw, self._raw_at, self._raw_offset = b"", 0, offset

    def _more_raw(self) -> bool:
        """Append to the raw bytes, letting go of those that were used."""
        chunk = self._file.read(READ_BYTES)
        self._raw_offset += self._raw_at
        self._raw, self._raw_at = self._raw[self._raw_at :] + chunk, 0
        return bool(chunk)

    def _peek_raw(self, size: int) -> bytes:
        while len(self._raw) - self._raw_at < size and self._more_raw():
            pass
        return self._raw[self._raw_at : self._raw_at + size]

    def _find_member(self) -> bool:
        while not (found := _MEMBER_HEADER.search(self._raw, self._raw_at)):
            self._raw_at = max(self._raw_at, len(self._raw) - _MEMBER_HEADER_BYTES + 1)
            if not self._more_raw():
                return False
        self._raw_at = found.start()
        return True

    def _next_begins_record(self) -> bool:
        """Whether the gzip member at the current place begins with a record. Looks at little of it."""
        try:
            beginning = zlib.decompressobj(31).decompress(self._peek_raw(PROBE_BYTES), self._boundary_bytes)
        except zlib.error:
            return False
        return self._boundary.match(beginning) is not None

    # --- the buffer --------------------------------------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> bool:
        """More bytes behind the buffer; False where the record must end: end of file, damage, or a new record."""
        if not self.is_gzip:
            return self._read_plain()
        while self.damage is None:
            if not self._unzip and (self._next_begins_record() or not self._open_member()):
                return False
            if self._inflate():
                return True
        return False

    def _read_plain(self) -> bool:
        self._peek_raw(1)
        was, self._raw_at = self._raw_at, len(self._raw)
        self._buffer += self._raw[was:]
        return self._raw_at > was

    def _open_member(self) -> bool:
        """Enter the gzip member at the current place; False at the end of the file or where there is none."""
        magic = self._peek_raw(3)
        if not magic.strip(b"\0"):  # the end, or zero padding, which gzip allows behind the last member
            return False
        if magic != GZIP_MAGIC:
            self.damage = "bytes that are no gzip member"
            return False
        self._member_begins_record = self._next_begins_record()
        self._member, self._produced, self._feed = self._raw_offset + self._raw_at, 0, FIRST_FEED_BYTES
        self._unzip = zlib.decompressobj(31)
        return True

    def _inflate(self) -> bool:
        """Some bytes of the current member. Feeds zlib little at first: it copies what lies behind the member's end."""
        unzip = self._unzip
        assert unzip is not None
        piece = unzip.unconsumed_tail
        if not piece:
            piece = self._peek_raw(1) and self._raw[self._raw_at : self._raw_at + self._feed]
            self._raw_at += len(piece)
            self._feed = min(self._feed * 4, FEED_BYTES)
        if not piece:
            return self._break("the gzip member is cut off")
        try:
            data = unzip.decompress(piece, OUTPUT_BYTES)
        except zlib.error as error:
            return self._break(f"the gzip member is damaged ({error})")
        if unzip.eof:
            self._raw_at -= len(unzip.unused_data)
            self._unzip = None
        self._produced += len(data)
        self._buffer += data
        return bool(data)

    def _break(self, damage: str) -> bool:
        self.damage, self._unzip = damage, None
        return False
