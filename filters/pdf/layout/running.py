"""Heads, feet and page numbers that repeat from page to page, and footnotes: `Block.role` by place, type and text."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median

from filters.pdf.page import Block, Line, Page, Role, enclosing

_MARKED = frozenset({"body", "heading", "table"})  # a head of three parts looks like a row of a table
_EDGE = 0.18  # of the height, at the top and at the bottom, where heads and feet stand
_BLOCKS = 6  # at each edge of a page
_PLACE = 0.02  # of the height: a head stays where it is
_NEAR = 0.008  # the same, for a head known by its place alone
_REPEATS = 3  # pages
_APART = 12  # pages between two of one head
_KNOWN_PLACE = 5  # pages with heads at one place
_LONG = 200  # characters: no head is longer
_SMALL = 0.93  # of the body's type size
_MUCH_SMALLER = 0.9
_FOOT = 0.5  # of the height: footnotes stand below
_NOTES = 200  # blocks looked at, from the bottom

_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_AROUND = " -–—−_·•|~.:[]()<>"
_BETWEEN = re.compile(r"\w+(?:[\s/|–—-]{1,3}\w+)?")
_NO_LETTER = re.compile(r"[\W_]+")
_SIGN = re.compile(r"[(\[]?(?:\d{1,3}|[*†‡§¶‖∗⁎]+|[⁰¹²³⁴-⁹]+)")


@dataclass(slots=True)
class _Candidate:
    page: int  # index
    block: Block
    top: bool
    place: float  # middle, of the height
    key: str


def mark_running(pages: list[Page]) -> None:
    """Sets the roles of a file's pages, or of a stretch of them. Blocks of other roles than body and heading stay.

    A head that its block shares with text below it becomes a block of its own. Work grows with the pages alone: some
    blocks at each edge are looked at.
    """
    for page in pages:
        _part_heads(page)
    candidates = [each for index, page in enumerate(pages) for each in _candidates(index, page)]
    repeated = _repeated(candidates)
    for each in candidates:
        if is_page_number(each.block) and _outermost(pages[each.page], each):
            each.block.role = "page_number"
        elif id(each) in repeated:
            each.block.role = _running_role(each)
    _mark_by_place(candidates, pages)
    for page in pages:
        _mark_footnotes(page)


# --- candidates --------------------------------------------------------------------------------------------------------


def _text(block: Block) -> str:
    return " ".join(line.text for line in block.lines[:4])[: _LONG + 1]


def _key(text: str) -> str:
    """Letters alone, numbers as 0: what stays of a head from page to page."""
    words = ["0" if _is_roman(word) else word for word in _NO_LETTER.split(_NUMBER.sub(" 0 ", text.casefold())) if word]
    return "".join(words)


def _is_roman(word: str) -> bool:
    return len(word) <= 8 and bool(word) and _ROMAN.fullmatch(word) is not None


def _candidates(index: int, page: Page) -> list[_Candidate]:
    found = []
    for top in (True, False):
        edge = [b for b in page.blocks if b.role in _MARKED and _at_edge(b, page.height, top)]
        edge.sort(key=lambda b: b.box.y0 if top else -b.box.y1)
        for block in edge[:_BLOCKS]:
            text = _text(block)
            if len(text) <= _LONG:
                place = (block.box.y0 + block.box.y1) / 2 / max(page.height, 1.0)
                found.append(_Candidate(index, block, top, place, _key(text)))
    return found


def _at_edge(block: Block, height: float, top: bool) -> bool:
    return block.box.y1 < _EDGE * height if top else block.box.y0 > (1 - _EDGE) * height


def _part_heads(page: Page) -> None:
    """A page number alone in the first or last line of a block is a block."""
    blocks: list[Block] = []
    for block in page.blocks:
        first, last = block.lines[0], block.lines[-1]
        if block.role != "body" or len(block.lines) < 2:
            blocks.append(block)
        elif first.box.y1 < 0.1 * page.height and is_page_number(_of([first])):
            blocks += [_of([first]), _of(block.lines[1:])]
        elif last.box.y0 > 0.9 * page.height and is_page_number(_of([last])):
            blocks += [_of(block.lines[:-1]), _of([last])]
        else:
            blocks.append(block)
    page.blocks = blocks


def _of(lines: list[Line]) -> Block:
    return Block(enclosing([line.box for line in lines]), lines)


# --- heads and feet ----------------------------------------------------------------------------------------------------


def is_page_number(block: Block) -> bool:
    """Digits of any script or a Roman numeral, with no other letter: 12, - १२ -, [٣], xiv; 3/12."""
    text = _text(block).strip(_AROUND)
    if len(text) > 16 or len(block.lines) > 2 or not _BETWEEN.fullmatch(text):
        return False
    words = [word for word in _NO_LETTER.split(text) if word]
    if not 1 <= len(words) <= 2:
        return False
    return all((word.isdecimal() and len(word) <= 5) or (_is_roman(word) and len(words) == 1) for word in words)


def _outermost(page: Page, each: _Candidate) -> bool:
    """Nothing but other heads and feet stands further out, and it isn't one number of a row of them."""
    box = each.block.box
    for block in page.blocks:
        if block is each.block or block.role in ("hidden", "running_head", "running_foot", "page_number"):
            continue
        other = block.box
        further = other.y1 <= box.y0 if each.top else other.y0 >= box.y1
        if further and not _at_edge(block, page.height, each.top):
            return False
        if further and len(_text(block)) > _LONG // 2:
            return False
    return True


def _repeated(candidates: list[_Candidate]) -> set[int]:
    """Ids of those whose text comes at the same place on pages not far away: on three, or on both of two or three pages."""
    groups: dict[tuple[bool, str], list[_Candidate]] = defaultdict(list)
    for each in candidates:
        if len(each.key) > 1:
            groups[each.top, each.key].append(each)
    pages = len({each.page for each in candidates})
    least = _REPEATS if pages > 3 else 2
    found: set[int] = set()
    for group in groups.values():
        for run in _runs(group):
            if len({each.page for each in run}) >= least:
                found.update(map(id, run))
    return found


def _runs(group: list[_Candidate]) -> list[list[_Candidate]]:
    """By place, then by page without long gaps."""
    runs: list[list[_Candidate]] = []
    for each in sorted(group, key=lambda c: (round(c.place / _PLACE), c.page)):
        last = runs[-1][-1] if runs else None
        if last and abs(each.place - last.place) < _PLACE and 0 <= each.page - last.page <= _APART:
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def _running_role(each: _Candidate) -> Role:
    """A number with a word or two beside it ("Page 3 of 9") is a page number."""
    letters = sum(character != "0" for character in each.key)
    if "0" in each.key and letters <= 8 and len(_text(each.block)) <= 20:
        return "page_number"
    return "running_head" if each.top else "running_foot"


def _mark_by_place(candidates: list[_Candidate], pages: list[Page]) -> None:
    """Where most pages have a head at one place, a line there is one too, as the title of a short chapter."""
    for top in (True, False):
        role: Role = "running_head" if top else "running_foot"
        known = [each for each in candidates if each.top == top and each.block.role == role]
        if len({each.page for each in known}) < max(_KNOWN_PLACE, len(pages) / 2):
            continue
        place, size = median(each.place for each in known), median(each.block.lines[0].size for each in known)
        for each in candidates:
            block = each.block
            like = abs(each.place - place) < _NEAR and abs(block.lines[0].size - size) < 0.5
            if each.top == top and like and len(block.lines) == 1 and block.role in _MARKED:
                block.role = role


# --- footnotes ---------------------------------------------------------------------------------------------------------


def _size(block: Block) -> float:
    """Type size; the height of the lines where it isn't known."""
    sizes = [line.size or 0.8 * (line.box.y1 - line.box.y0) for line in block.lines[:8]]
    return median(sizes)


def _mark_footnotes(page: Page) -> None:
    """Smaller type at the foot of a column that begins with a mark, or stands below a gap in much smaller type."""
    sizes = Counter[float]()
    for block in page.blocks:
        if block.role == "body":
            sizes[round(_size(block), 1)] += sum(len(line.text) for line in block.lines)
    if not sizes:
        return
    usual = sizes.most_common(1)[0][0]
    low = [
        b for b in page.blocks if b.box.y0 > _FOOT * page.height and b.role in ("body", "table", "heading", "caption")
    ]
    low.sort(key=lambda b: -b.box.y1)
    small: list[Block] = []
    others: list[Block] = []
    for block in low[:_NOTES]:
        at_foot = not any(_under(block, other) for other in others)
        if at_foot and block.role == "body" and _size(block) <= _SMALL * usual:
            small.append(block)
        else:
            others.append(block)
    _mark_notes(small, page.blocks, usual)


def _under(upper: Block, lower: Block) -> bool:
    return lower.box.y0 >= upper.box.y1 - 1 and lower.box.x0 < upper.box.x1 and lower.box.x1 > upper.box.x0


def _mark_notes(small: list[Block], blocks: list[Block], usual: float) -> None:
    """From the top of each column's foot: the first must look like a note, what stands below follows it."""
    notes: list[Block] = []
    for block in sorted(small, key=lambda b: b.box.y0):
        if not any(map(str.isalpha, _text(block))):
            continue
        marked = _SIGN.match(block.lines[0].text.lstrip()) is not None
        below_note = any(_under(note, block) for note in notes)
        if marked or below_note or (_size(block) <= _MUCH_SMALLER * usual and _gap(block, blocks) > usual):
            notes.append(block)
            block.role = "footnote"


def _gap(block: Block, blocks: list[Block]) -> float:
    above = [b.box.y1 for b in blocks if b is not block and _under(b, block)]
    return block.box.y0 - max(above) if above else 0.0
