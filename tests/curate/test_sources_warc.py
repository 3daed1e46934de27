"""WARC, WET and ARC: sound files against FastWARC, every kind of damage, and splits of any size."""

import gzip
import itertools
import random
import time
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from curate.sources import Failure, InputFile, Item, Record, Skipped, Split, plan_splits, read

PAGES = {
    "hi": "<html><body><p>नदी के किनारे एक पुराना गाँव है, जहाँ लोग धान उगाते हैं।</p></body></html>",
    "th": "<html><body><p>หมู่บ้านเก่าริมแม่น้ำที่ผู้คนปลูกข้าว</p></body></html>",
    "ar": "<html><body><p>قرية قديمة على ضفة النهر يزرع أهلها الأرز.</p></body></html>",
    "zh": "<html><body><p>河边有一个古老的村庄，人们在那里种稻。</p></body></html>",
    "ko": "<html><body><p>강가에 사람들이 벼를 기르는 오래된 마을이 있다.</p></body></html>",
    "am": "<html><body><p>በወንዙ ዳር ሰዎች ሩዝ የሚያመርቱበት ጥንታዊ መንደር አለ።</p></body></html>",
    "km": "<html><body><p>ភូមិចាស់មួយនៅមាត់ទន្លេ ដែលអ្នកស្រុកដាំស្រូវ។</p></body></html>",
}


def record(
    kind: str, block: bytes, *, name: str = "1", version: str = "1.0", length: int | None = None, **fields: str
) -> bytes:
    """A WARC record; `length` overrides the true one."""
    headers = {
        "WARC-Type": kind,
        "WARC-Date": "2024-05-18T01:02:03Z",
        "WARC-Record-ID": f"<urn:uuid:{name}>",
        "Content-Length": str(len(block) if length is None else length),
        **{key.replace("_", "-"): value for key, value in fields.items()},
    }
    lines = [f"WARC/{version}", *(f"{key}: {value}" for key, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def http(
    body: bytes, *, status: str = "200 OK", content_type: str = "text/html; charset=utf-8", **fields: str
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}"]
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(body: bytes | str, name: str = "1", **fields: str) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    url = f"https://village.example/{name}"
    kind = "application/http; msgtype=response"
    return record("response", http(body, **fields), name=name, Content_Type=kind, WARC_Target_URI=url)


def warcinfo(part: str = "CC-MAIN-2024-22") -> bytes:
    return record(
        "warcinfo", f"software: test\r\nisPartOf: {part}\r\n".encode(), Content_Type="application/warc-fields"
    )


def crawl(count: int = 7) -> list[bytes]:
    """warcinfo, and request, response, metadata for pages in seven scripts."""
    records = [warcinfo()]
    for index, page in zip(range(count), itertools.cycle(PAGES.values()), strict=False):
        records.append(record("request", b"GET / HTTP/1.1\r\nHost: village.example\r\n\r\n", name=f"q{index}"))
        records.append(response(page, str(index)))
        records.append(record("metadata", b"fetchTimeMs: 12\r\n", name=f"m{index}"))
    return records


def write(path: Path, records: list[bytes], *, members: bool = True) -> Path:
    path.write_bytes(b"".join(gzip.compress(data) if members else data for data in records))
    return path


def read_all(path: Path, limit_bytes: int = 1 << 24, format: str = "warc") -> list[Item]:
    return list(read(Split(file=str(path), format=format), limit_bytes=limit_bytes))


def documents(items: list[Item]) -> list[Record]:
    return [item for item in items if isinstance(item, Record)]


def failures(items: list[Item]) -> list[Failure]:
    return [item for item in items if isinstance(item, Failure)]


def names(items: list[Item]) -> list[str | None]:
    return [item.id.removeprefix("urn:uuid:") if item.id else None for item in documents(items)]


@pytest.mark.parametrize("members", [True, False])
def test_a_crawl_gives_its_pages_and_counts_the_rest(tmp_path: Path, members: bool) -> None:
    items = read_all(write(tmp_path / "a.warc.gz", crawl(), members=members))
    pages = documents(items)
    assert [page.payload for page in pages] == [page.encode() for page in PAGES.values()]
    assert Counter(item.kind for item in items if isinstance(item, Skipped)) == {
        "warcinfo": 1,
        "request": 7,
        "metadata": 7,
    }
    assert not failures(items)
    first = pages[0]
    assert (first.id, first.url) == ("urn:uuid:0", "https://village.example/0")
    assert (first.date, first.dump) == ("2024-05-18T01:02:03Z", "CC-MAIN-2024-22")
    assert (first.content_type, first.drop_reason) == ("text/html; charset=utf-8", None)
    assert len({item.offset for item in items}) == len(items)


def test_a_path_of_common_crawl_names_dump_and_file(tmp_path: Path) -> None:
    folder = tmp_path / "crawl-data" / "CC-MAIN-2023-50" / "segments" / "1" / "warc"
    folder.mkdir(parents=True)
    page = documents(read_all(write(folder / "x.warc.gz", [response("<html>নদী</html>")])))[0]
    assert page.dump == "CC-MAIN-2023-50"
    assert page.file_path == "s3://commoncrawl/crawl-data/CC-MAIN-2023-50/segments/1/warc/x.warc.gz"


@pytest.mark.parametrize(
    ("fields", "body", "reason"),
    [
        ({"status": "404 Not Found"}, "<html>x</html>", "http_status"),
        ({"status": "301 Moved"}, "", "http_status"),
        ({}, " \r\n", "empty"),
        ({"content_type": "image/png"}, "\x89PNG", "content_type"),
        ({"content_type": "text/css"}, "a { color: red }", "content_type"),
        ({"content_type": "text/html"}, "%PDF-1.7 ...", "pdf"),
        ({"content_type": "application/pdf"}, "<!DOCTYPE html><html><p>没有这个文件</p></html>", None),
        ({"content_type": "text/plain"}, "មាត់ទន្លេ", None),
        ({"content_type": "application/xhtml+xml"}, "<html xmlns='x'/>", None),
        ({"content_type": ""}, "just text, no header", None),
        ({"content_type": "application/octet-stream"}, "a\x00b\x01c", "content_type"),
    ],
)
def test_drop_reasons_of_responses(tmp_path: Path, fields: dict[str, str], body: str, reason: str | None) -> None:
    [page] = documents(read_all(write(tmp_path / "a.warc.gz", [response(body, **fields)])))
    assert page.drop_reason == reason
    assert page.payload == (body.encode() if reason in (None, "pdf") else b"")


def test_revisits_resources_conversions_and_other_kinds(tmp_path: Path) -> None:
    records = [
        record("revisit", http(b""), name="again", Content_Type="application/http; msgtype=response"),
        record(
            "resource",
            PAGES["am"].encode(),
            name="file",
            Content_Type="text/html",
            WARC_Target_URI="<http://x.example/>",
        ),
        record("conversion", "नदी का गाँव\n".encode(), name="wet", Content_Type="text/plain"),
        record("conversion", b"caf\xe9", name="latin", Content_Type="text/plain"),
        record(
            "resource",
            b"--2024-- log",
            name="log",
            Content_Type="text/plain",
            WARC_Target_URI="metadata://wget/log.txt",
        ),
        record(
            "response",
            b"20240518\nx.example. 60 IN A 1.2.3.4",
            Content_Type="text/dns",
            WARC_Target_URI="dns:x.example",
        ),
    ]
    items = read_all(write(tmp_path / "a.warc.gz", records))
    again, file, wet, latin = documents(items)
    assert (again.drop_reason, again.payload) == ("revisit", b"")
    assert (file.payload, file.url, file.drop_reason) == (PAGES["am"].encode(), "http://x.example/", None)
    assert (wet.payload, latin.payload) == ("नदी का गाँव\n", "caf\ufffd")
    assert [item.kind for item in items if isinstance(item, Skipped)] == ["metadata", "dns"]


@pytest.mark.parametrize("version", ["0.17", "0.18", "1.0", "1.1"])
def test_versions_and_line_feeds_alone(tmp_path: Path, version: str) -> None:
    data = record("resource", PAGES["th"].encode(), version=version, Content_Type="text/html")
    lone = data.replace(b"\r\n", b"\n")
    for index, records in enumerate(([data, data], [lone, lone])):
        pages = documents(read_all(write(tmp_path / f"{index}.warc", records, members=False)))
        assert [page.payload for page in pages] == [PAGES["th"].encode()] * 2


@pytest.mark.parametrize("wrong", [-20, -1, 1, 30, 400])
@pytest.mark.parametrize("members", [True, False])
def test_a_wrong_content_length_costs_no_other_record(tmp_path: Path, wrong: int, members: bool) -> None:
    body = PAGES["ko"].encode()
    bad = record("resource", body, name="bad", length=len(body) + wrong, Content_Type="text/html")
    records = [response(PAGES["zh"], "before"), bad, response(PAGES["hi"], "after"), response(PAGES["km"], "last")]
    items = read_all(write(tmp_path / "a.warc", records, members=members))
    good = {page.id: page.payload for page in documents(items)}
    assert good["urn:uuid:after"] == PAGES["hi"].encode()
    assert good["urn:uuid:last"] == PAGES["km"].encode()
    if failed := failures(items):  # in a member of its own, a record that is too short is cut off
        assert [failure.reason for failure in failed] == ["truncated"]
        assert members and wrong > 4
    else:
        assert good["urn:uuid:bad"].rstrip() == body  # cut at, or gone on to, the next record


def test_a_truncated_last_record(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc", [response(PAGES["ar"], "0"), response(PAGES["th"], "1")], members=False)
    path.write_bytes(path.read_bytes()[:-60])
    items = read_all(path)
    assert names(items) == ["0"]
    assert [(failure.reason, failure.url) for failure in failures(items)] == [
        ("truncated", "https://village.example/1")
    ]


def test_truncated_and_damaged_members_cost_themselves_only(tmp_path: Path) -> None:
    members = [gzip.compress(response(page, name)) for name, page in PAGES.items()]
    middle = bytearray(members[2])
    middle[len(middle) // 2] ^= 0xFF
    checksum = members[3][:-8] + bytes(8)
    data = [members[0], members[1][:-30], bytes(middle), checksum, members[4], b"garbage", members[5], members[6][:90]]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(data))
    items = read_all(path)
    assert names(items) == ["hi", "ko", "am"]
    assert Counter(failure.reason for failure in failures(items)) == {"malformed": 4, "truncated": 1}
    assert all("\n" not in failure.error for failure in failures(items))


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"no header at all\r\nand more\r\n\r\n", "no record begins here"),
        (record("resource", b"x", length=-1), "Content-Length is '-1'"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "Content-Length is ''"),
        (b"WARC/1.0\r\nContent-Length: 0\r\n\r\n", "no WARC-Type"),
        (b"WARC/1.0\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "longer than 65536"),
        (b"WARC/1.0\r\nWARC-Type: response", "cut off"),
    ],
)
@pytest.mark.parametrize("members", [True, False])
def test_bad_headers_are_one_failure(tmp_path: Path, bad: bytes, error: str, members: bool) -> None:
    if not members and error == "cut off":
        bad += b"\r\n\r\n"  # otherwise the next record's first line would be a field of this header
        error = "Content-Length is ''"
    items = read_all(write(tmp_path / "a.warc", [response("<p>a", "0"), bad, response("<p>b", "1")], members=members))
    assert names(items) == ["0", "1"]
    [failure] = failures(items)
    assert failure.reason == "malformed"
    assert error in failure.error


@pytest.mark.parametrize("members", [True, False])
def test_a_record_over_the_limit(tmp_path: Path, members: bool) -> None:
    records = [response("<p>a", "0"), response(b"<p>" + b"x" * 9000, "big"), response("<p>b", "1")]
    records.append(record("request", b"x" * 9000))
    items = read_all(write(tmp_path / "a.warc", records, members=members), limit_bytes=5000)
    assert names(items) == ["0", "1"]
    assert [(failure.reason, failure.url) for failure in failures(items)] == [
        ("too_large", "https://village.example/big")
    ]
    assert [item.kind for item in items if isinstance(item, Skipped)] == ["request"]


@pytest.mark.parametrize("members", [True, False])
def test_a_length_behind_the_end_of_the_file(tmp_path: Path, members: bool) -> None:
    lie = record("resource", b"<p>short", length=10**17, Content_Type="text/html")
    items = read_all(write(tmp_path / "a.warc", [lie, response("<p>b", "1")], members=members))
    assert names(items) == ["1"]
    assert [failure.reason for failure in failures(items)] == ["too_large"]


def test_bombs_stay_small_in_memory(tmp_path: Path) -> None:
    zeros = bytes(40 << 20)
    body = response(gzip.compress(zeros), "in-http", Content_Encoding="gzip")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        gzip.compress(body) + gzip.compress(record("response", zeros, name="in-warc")) + gzip.compress(response("<p>b"))
    )
    del zeros
    tracemalloc.start()
    items = read_all(path, limit_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [failure.reason for failure in failures(items)] == ["too_large", "too_large"]
    assert len(documents(items)) == 1
    assert peak < 16 << 20


def test_one_member_for_the_whole_file(tmp_path: Path) -> None:
    items = read_all(write(tmp_path / "a.warc.gz", [b"".join(crawl())]))
    assert [page.payload for page in documents(items)] == [page.encode() for page in PAGES.values()]
    assert len({item.offset for item in items}) == len(items)


def test_a_record_over_several_members_and_padding(tmp_path: Path) -> None:
    data = response(PAGES["hi"], "0")
    path = tmp_path / "a.warc.gz"
    pieces = [gzip.compress(data[:100]), gzip.compress(b""), gzip.compress(data[100:]), gzip.compress(response("<p>b"))]
    path.write_bytes(b"".join(pieces) + bytes(512))
    items = read_all(path)
    assert [page.payload for page in documents(items)] == [PAGES["hi"].encode(), b"<p>b"]
    assert not failures(items)


def in_splits(path: Path, target: int, format: str = "warc") -> list[Item]:
    file = InputFile(path=str(path), format=format, bytes=path.stat().st_size)
    splits = plan_splits([file], target)
    assert len(splits) == -(-file.bytes // target)
    return [item for split in splits for item in read(split)]


@pytest.mark.parametrize("target", [1, 2, 97, 300, 1000, 4000])
def test_any_split_size_gives_each_record_once(tmp_path: Path, target: int) -> None:
    path = write(tmp_path / "a.warc.gz", crawl(2 if target < 97 else 9))
    whole = read_all(path)
    assert len(documents(whole)) in (2, 9)
    assert in_splits(path, target) == whole


def test_splits_begin_at_members_of_any_writer(tmp_path: Path) -> None:
    """File names, extra fields and odd operating systems in the gzip headers of real crawls."""
    path = tmp_path / "a.warc.gz"
    with path.open("wb") as file:
        for index, data in enumerate(crawl(5)):
            packed = bytearray(gzip.compress(data, compresslevel=1 + index % 9))
            packed[9] = (0, 3, 19, 255)[index % 4]
            if index % 3 == 1:
                packed[3], packed[10:10] = 8, b"name.warc\0"
            if index % 3 == 2:
                packed[3], packed[10:10] = 4, b"\x06\x00sl\x02\x00ab"
            file.write(packed)
    whole = read_all(path)
    assert len(whole) == 16
    assert not failures(whole)
    assert in_splits(path, 200) == whole


@pytest.mark.parametrize("seed", range(6))
def test_splits_of_a_damaged_file_lose_and_repeat_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    members = [gzip.compress(data) for data in crawl(9)]
    for index in chance.sample(range(1, len(members)), 4):
        cut = chance.randrange(20, len(members[index]))
        members[index] = chance.choice(
            [members[index][:cut], members[index][:cut] + b"\x1f\x8b\x08junk", b"\x1f\x8b\x08\x00"]
        )
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members))
    whole = read_all(path)
    assert failures(whole) and documents(whole)
    for target in (50, 333, 1500):
        parts = in_splits(path, target)
        assert documents(parts) == documents(whole)
        assert {failure.offset for failure in failures(parts)} <= {failure.offset for failure in failures(whole)}


def test_an_uncompressed_archive_stays_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc", crawl(), members=False)
    file = InputFile(path=str(path), format="warc", bytes=path.stat().st_size)
    assert plan_splits([file], 100) == [Split(file=str(path), format="warc", bytes=file.bytes)]


def arc_record(url: str, body: bytes, *, length: str | None = None) -> bytes:
    block = http(body)
    return f"{url} 1.2.3.4 20080430204825 text/html {length or len(block)}\n".encode() + block + b"\n"


@pytest.mark.parametrize("members", [True, False])
def test_arc(tmp_path: Path, members: bool) -> None:
    description = b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [
        f"filedesc://a.arc 0.0.0.0 20080430204825 text/plain {len(description)}\n".encode() + description + b"\n",
        arc_record("http://x.example/a b", PAGES["ar"].encode()),
        arc_record("http://x.example/bad", b"<p>bad", length="abc"),
        b"dns:x.example 1.2.3.4 20080430204825 text/dns 3\nabc\n",
        arc_record("http://x.example/c", PAGES["hi"].encode()),
    ]
    path = write(tmp_path / "a.arc", records, members=members)
    items = read_all(path, format="arc")
    first, last = documents(items)
    assert (first.url, first.date, first.payload) == (
        "http://x.example/a b",
        "2008-04-30T20:48:25Z",
        PAGES["ar"].encode(),
    )
    assert (last.url, last.payload) == ("http://x.example/c", PAGES["hi"].encode())
    assert [failure.reason for failure in failures(items)] == ["malformed"]
    assert [item.kind for item in items if isinstance(item, Skipped)] == ["warcinfo", "dns"]
    if members:
        assert in_splits(path, 150, "arc") == items


def test_random_damage_never_raises(tmp_path: Path) -> None:
    chance = random.Random(3)
    plain, members = b"".join(crawl()), b"".join(map(gzip.compress, crawl()))
    path = tmp_path / "a.warc"
    kinds: Counter[str] = Counter()
    for number in range(120):
        data = bytearray(members if number % 2 else plain)
        for _ in range(chance.randrange(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(len(data)) :][: chance.randrange(2000)]
        path.write_bytes(data)
        kinds.update(type(item).__name__ for item in read_all(path))
        assert "unreadable" not in {failure.reason for failure in failures(read_all(path))}
    assert kinds["Record"] > 300 and kinds["Failure"] > 50


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "chatnoir-resiliparse__warcfile.warc.gz",
        "whirlwind-python__whirlwind.warc.gz",
        "dolma__sample-0000.warc.gz",
        "aut__example.pdf.warc.gz",
        "warcio__example.warc.gz",
    ],
)
def test_agrees_with_fastwarc_on_sound_files(name: str, shared: Path) -> None:
    path = shared / "warc" / name
    with path.open("rb") as file:
        entries = ArchiveIterator(file, record_types=WarcRecordType.response | WarcRecordType.revisit)
        theirs = {
            (str(e.record_id).strip("<>"), str(e.headers["WARC-Target-URI"]).strip("<>"), e.stream_pos) for e in entries
        }
    ours = {(page.id, page.url, page.offset) for page in documents(read_all(path))}
    assert theirs
    assert theirs <= ours
    assert not failures(read_all(path))


HOSTILE = {
    "gzip magic": b"\x1f\x8b\x08" * 200_000,
    "member headers": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" * 20_000,
    "line feeds": b"\n" * 1_000_000,
    "first lines": b"WARC/1.0\r\n" * 60_000,
    "lengths over the next": b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 9000000\r\n\r\nx\n" * 6_000,
    "lengths over the file": b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 10000000000\r\n\r\nx\n" * 6_000,
    "cut members": b"".join(gzip.compress(b"WARC/1.0\r\nx" + bytes(50))[:-8] for _ in range(3_000)),
    "small records": b"WARC/1.0\r\nWARC-Type: request\r\nContent-Length: 1\r\n\r\nx\r\n\r\n" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("format", ["warc", "arc"])
def test_hostile_archives_take_linear_time(tmp_path: Path, name: str, format: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(HOSTILE[name])
    start = time.process_time()
    items = read_all(path, format=format)
    assert time.process_time() - start < 3
    assert name == "line feeds" or items


def test_deflate_of_a_member_is_bounded_per_step(tmp_path: Path) -> None:
    """Many empty members: zlib copies what lies behind each, so feeding it much at once would be quadratic."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(b"") * 20_000 + gzip.compress(response("<p>end")) + zlib.compress(b"x"))
    items = read_all(path)
    assert [page.payload for page in documents(items)] == [b"<p>end"]
    assert [failure.reason for failure in failures(items)] == ["malformed"]
