"""Hosts, registered domains and blocklists; odd URLs never raise."""

import gzip
import time
from pathlib import Path

import pyarrow as pa
import pytest

from filters.url import Blocklist, host, site

HOSTS = [
    ("https://www.Example.COM/a?b#c", "www.example.com"),
    ("HTTP://user:p@ss@example.org:8080/x", "example.org"),
    ("//cdn.example.net/x.js", "cdn.example.net"),
    ("http://example.com.", "example.com"),
    ("http://example.com?x=//other.org/", "example.com"),
    ("http://example.com\\@evil.org/", "example.com"),
    ("  https://spaced.example/a b c", "spaced.example"),
    ("http://[2001:db8::1]:443/x", "[2001:db8::1]"),
    ("http://81.2.69.142:80", "81.2.69.142"),
    ("https://उदाहरण.भारत/पृष्ठ", "xn--p1b6ci4b4b3a.xn--h2brj9c"),
    ("https://ПРИМЕР.рф/", "xn--e1afmkfd.xn--p1ai"),
    ("https://例え。jp/", "xn--r8jz45g.jp"),
    ("https://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai"),
    ("ftp://files.example.org", "files.example.org"),
]
NO_HOST = [
    None, "", " ", "javascript:alert(1)", "mailto:a@b.org", "data:text/html,<p>", "/relative/path", "example.com/no-scheme",
    "http://", "http:///path", "https://?x", "http://[broken", "http://@/", "http://:80/", "http://" + "a" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), HOSTS)
def test_host(url: str, expected: str) -> None:
    assert host(url) == expected


@pytest.mark.parametrize("url", NO_HOST)
def test_without_a_host(url: str | None) -> None:
    assert host(url) is None
    assert site(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://news.bbc.co.uk/x", "bbc.co.uk"),
        ("https://a.b.c.gov.in/", "c.gov.in"),
        ("http://81.2.69.142/", "81.2.69.142"),
        ("http://localhost:8000/", "localhost"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("https://समाचार.उदाहरण.भारत/", "xn--p1b6ci4b4b3a.xn--h2brj9c"),
        ("https://co.uk/", "co.uk"),
        ("https://a..b.com/", "b.com"),
    ],
)
def test_site_is_the_registered_domain(url: str, expected: str) -> None:
    assert site(url) == expected


@pytest.fixture
def ut1(tmp_path: Path) -> Path:
    folder = tmp_path / "blacklists"
    for category, domains, urls in (
        ("gambling", "casino.example\n81.2.69.142\n# a comment\n\ncom\nपासा.भारत\n", "host.example/poker\n"),
        ("adult", "xxx.example\n", "photos.example/~joe/private\nwww.video.example/watch?v=1\n"),
    ):
        (folder / category).mkdir(parents=True)
        (folder / category / "domains").write_text(domains, encoding="utf-8")
        (folder / category / "usage").write_text("black\n", encoding="utf-8")
        with gzip.open(folder / category / "urls.gz", "wt", encoding="utf-8") as file:
            file.write(urls)
    return folder


BLOCKED = [
    ("http://casino.example/", "gambling"),
    ("https://www.deep.sub.CASINO.example:8443/x?y", "gambling"),
    ("http://81.2.69.142/roulette", "gambling"),
    ("http://पासा.भारत/", "gambling"),
    ("http://host.example/poker", "gambling"),
    ("http://www.host.example/poker/table?x=1", "gambling"),
    ("https://host.example/poker?x", "gambling"),
    ("https://photos.example/~joe/private/1.html", "adult"),
    ("https://video.example/watch?v=1&t=3", "adult"),
    ("https://xxx.example", "adult"),
]
PASSED = [
    "http://notcasino.example/", "http://casino.example.org/", "http://9.81.2.69.142/", "https://host.example/pokerface",
    "https://host.example/", "https://photos.example/~joe/", "https://video.example/watch?v=12", "https://any.com/",
    "javascript:casino.example", "casino.example", "http://other.example/?u=http://casino.example/", None, "", "http://[",
]  # fmt: skip


def test_hosts_parents_and_prefixes_are_blocked_under_their_category(ut1: Path) -> None:
    blocklist = Blocklist.load([ut1])
    assert len(blocklist) == 7
    urls = pa.array([url for url, _ in BLOCKED] + PASSED)
    reasons = blocklist.blocked(urls)
    assert reasons.type == pa.string()
    assert reasons.to_pylist() == [category for _, category in BLOCKED] + [None] * len(PASSED)


def test_categories_are_selected_by_name(ut1: Path) -> None:
    chosen = Blocklist.load([ut1], categories=["adult"])
    assert chosen.blocked(pa.array(["http://casino.example", "http://xxx.example"])).to_pylist() == [None, "adult"]
    with pytest.raises(ValueError, match="unknown blocklist category 'adlut': one of adult, gambling"):
        Blocklist.load([ut1], categories=["adlut"])


def test_plain_lists_and_single_categories(ut1: Path, tmp_path: Path) -> None:
    plain = tmp_path / "ours.txt"
    plain.write_text("spam.example # why\nhttps://mixed.example/path/\n")
    blocklist = Blocklist.load([plain, str(ut1 / "adult"), ut1 / "gambling" / "domains"])
    urls = ["http://a.spam.example/", "http://mixed.example/path/x", "http://xxx.example/", "http://casino.example/"]
    assert blocklist.blocked(pa.array(urls)).to_pylist() == ["ours", "ours", "adult", "gambling"]


def test_a_path_without_lists_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no blocklist at .*: a file of hosts, or a folder"):
        Blocklist.load([tmp_path])
    with pytest.raises(ValueError, match="no blocklist at"):
        Blocklist.load([tmp_path / "missing"])


def test_speed(ut1: Path) -> None:
    blocklist = Blocklist.load([ut1])
    urls = pa.array([f"https://www.site{number}.example.org/story/{number}?page=2" for number in range(50_000)])
    start = time.process_time()
    assert blocklist.blocked(urls).null_count == 50_000
    assert 50_000 / (time.process_time() - start) > 80_000  # 250,000 on an idle core


def test_a_hostile_url_costs_little(ut1: Path) -> None:
    blocklist = Blocklist.load([ut1])
    urls = pa.array(
        ["http://host.example" + "/a" * 100_000, "http://" + "a." * 100_000, "//" * 100_000, "@" * 100_000] * 5
    )
    start = time.process_time()
    assert blocklist.blocked(urls).null_count == 20
    assert time.process_time() - start < 1
