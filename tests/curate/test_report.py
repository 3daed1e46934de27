"""The report: complete, safe against its own content, and right about what it draws."""

import json
import re
import time
from base64 import b64encode
from dataclasses import asdict, fields, is_dataclass, replace
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from resiliparse.parse.html import HTMLTree, NodeType
from rich.cells import cell_len
from rich.console import Console

from curate.report import (
    Cluster,
    Cutoff,
    Funnel,
    Histogram,
    Member,
    Report,
    Run,
    Sample,
    Site,
    Stage,
    offending,
    render,
)
from curate.report.charts import histogram_svg, is_drawable
from curate.report.markup import Markup, link, marked, markup, tag, visible
from curate.report.words import duration, group, moment, number, share, size
from curate.text_table import funnel_table, print_funnel
from filters.columns import METRIC_NAMES

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</title></style></script></textarea><svg onload=alert(1)>",
    "--><!--<iframe srcdoc='<script>1</script>'>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "http://example.org/\"onmouseover='alert(1)'",
    "https://example.org/<base href=//evil.example>",
    "&lt;script&gt;&#60;b&#62;",
    "expression(1);background:url(//evil.example/x)",
]
LABELS = ("hin_Deva", "tha_Thai", "arb_Arab", "cmn_Hani", "kor_Hang", "amh_Ethi", "khm_Khmr", "eng_Latn")


def _funnel(label: str, documents: int = 100, kept: int = 40) -> Funnel:
    dropped = {"language_score": 10, "short_line_ratio": 5, "minhash": documents - kept - 15}
    return Funnel(label=label, documents=documents, dropped=dropped, kept=kept, kept_bytes=kept * 4000)


def _histogram(**changed: Any) -> Histogram:
    made = Histogram(
        metric="short_line_ratio",
        label="tha_Thai",
        edges=[0.0, 0.25, 0.5, 0.75, 1.0],
        counts=[10, 20, 40, 10],
        cutoffs=[(">", 0.67)],
        removed=0.2,
    )
    return replace(made, **changed)


def _sample(**changed: Any) -> Sample:
    made = Sample(
        reason="short_line_ratio",
        label="arb_Arab",
        url="https://example.org/a?b=1&c=2",
        text="الرئيسية\nنشرت الصحيفة تقريرا طويلا عن أسعار الخبز في المدينة.",
        mark=[(0, 8)],
        value=0.91,
        operator=">",
        cutoff=0.67,
        explanation="Nine of ten lines are short.",
    )
    return replace(made, **changed)


def _report(**changed: Any) -> Report:
    funnel = [_funnel(label) for label in LABELS]
    before = Funnel(label="und_Zzzz", documents=30, dropped={"http_status": 30}, kept=0, kept_bytes=0)
    stage = Stage(name="decide", records_in=800, kept=320, dropped=480, failed=0)
    run = Run(
        name="sample run",
        created="2026-01-02T03:04:05Z",
        duration_seconds=61,
        recipe='[input]\npaths = ["a.warc.gz"]\n',
        versions={"pyspark": "4.3.0"},
        files=2,
        bytes=1_500_000,
        records=834,
        stages=[stage],
    )
    made = Report(
        run=run,
        funnel=[*funnel, before],
        failed={"truncated": 4},
        histograms=[_histogram()],
        samples=[_sample()],
        sites=[Site(host="example.org", documents=50, kept=9, languages={"hin_Deva": 0.9}, reasons={"minhash": 30})],
        clusters=[
            Cluster(
                size=3,
                keeper_url="https://example.org/1",
                members=[
                    Member(url="https://example.org/1", reason="", text="ዛሬ ጠዋት ዝናብ ዘነበ።", bytes=1234),
                    Member(url="https://example.net/1", reason="minhash", text="ዛሬ ጠዋት ዝናብ ዘነበ።"),
                ],
                why="the only copy that passes the filters",
            )
        ],
        cutoffs=[Cutoff(label="hin_Deva", metric="short_line_ratio", operator=">", cutoff=0.67, provenance="quantile")],
    )
    return replace(made, **changed)


def _poisoned(value: Any, attack: str) -> Any:
    """`value` with every string in it, keys too, replaced; labels keep apart by a number after them."""
    if isinstance(value, str):
        return attack
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _poisoned(getattr(value, f.name), attack) for f in fields(value)})
    if isinstance(value, dict):
        return {
            f"{attack}{i}" if isinstance(k, str) else k: _poisoned(v, attack) for i, (k, v) in enumerate(value.items())
        }
    if isinstance(value, list | tuple):
        return type(value)(_poisoned(v, attack) for v in value)
    return value


def _select(page: str, selector: str) -> list[Any]:
    document = HTMLTree.parse(page).document
    assert document is not None
    return list(document.query_selector_all(selector))


def _texts(page: str, selector: str) -> list[str]:
    return [element.text for element in _select(page, selector)]


# Security


def _elements(page: str) -> list[Any]:
    """All elements of the tree that a browser builds (WHATWG parsing)."""
    return [node for node in HTMLTree.parse(page).document or () if node.type == NodeType.ELEMENT]


def _anatomy(elements: list[Any]) -> set[tuple[str, str]]:
    return {(element.tag, name) for element in elements for name in ["", *element.attrs]}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_field_can_add_an_element_an_attribute_or_a_value_that_acts(attack: str) -> None:
    page = render(_poisoned(_report(), attack))
    elements = _elements(page)
    assert _anatomy(elements) <= _anatomy(_elements(render(_report())))
    assert page.count(markup(attack)) > 20, "the attack must have been shown to prove anything"
    assert all(re.match("https?://", e["href"]) for e in elements if "href" in e.attrs)
    styles = [e["style"] for e in elements if "style" in e.attrs]
    assert styles and all(re.fullmatch(r"(flex-grow:\d+|(--size|width):[\d.]+%)", style) for style in styles)
    assert [e.tag for e in elements].count("script") == 1


def test_policy_allows_the_one_script_by_its_hash_and_no_request() -> None:
    page = render(_report())
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    policy = _select(page, "meta[http-equiv=Content-Security-Policy]")[0]["content"]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script>")
    assert not re.search(r"@import|url\(|\bsrc=|<link|<iframe", page)


@pytest.mark.parametrize("url", ["http://example.org/", "HTTPS://EXAMPLE.org:8080/a?b=c&d=%20#e", "https://xn--p1ai/"])
def test_plain_addresses_are_links(url: str) -> None:
    (anchor,) = _select(link(url), "a")
    assert anchor["href"] == url
    assert anchor["rel"] == "noreferrer noopener nofollow"
    assert anchor.text == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " https://example.org/",
        "java\nscript:alert(1)",
        "https://example.org/a b",
        "https://bank.example@evil.example/",
        "https://[::1",
        "https:///path",
        "//example.org/",
        "data:text/html,x",
        "https://example.org/\u202egpj.exe",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_other_addresses_are_text(url: str) -> None:
    assert not _select(link(url), "a")
    (shown,) = _select(link(url), "bdi")
    assert shown.text.startswith(visible(url)[:10])


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\u2028", "\ufeff", "\ud800", "\U000e0041"]
)
def test_invisible_characters_are_shown_everywhere(character: str) -> None:
    page = render(_poisoned(_report(), f"a{character}b"))
    assert character not in page
    assert visible(character) in page
    page.encode("utf-8")


def test_characters_that_carry_meaning_stay() -> None:
    text = "क्\u200dष می\u200cخواهم \u200fא\tx\n"  # ZWJ, ZWNJ, RLM
    assert visible(text) == text


def test_only_markup_is_not_escaped() -> None:
    assert tag("b", "<i>", Markup("<u/>"), None, 3) == "<b>&lt;i&gt;<u/>3</b>"
    assert tag("b", title='"<', hidden=True, lang=None) == '<b title="&quot;&lt;" hidden></b>'


# Content


def test_report_is_plain_data() -> None:
    assert json.loads(json.dumps(asdict(_report())))["run"]["records"] == 834


def test_equation_is_summed_from_the_funnel() -> None:
    page = render(_report())
    assert _texts(page, ".equation b") == ["834", "320", "510", "4"]
    assert not _select(page, "[role=alert]")


def test_equation_that_fails_is_an_alarm() -> None:
    report = _report(failed={"truncated": 1})
    assert "3 records are not accounted for" in _texts(render(report), "[role=alert]")[0]
    broken = replace(report.run, stages=[Stage(name="write", records_in=10, kept=4, dropped=3, failed=1)])
    assert "2 unaccounted for" in _texts(render(replace(report, run=broken)), "#stages td.alert")


def test_bars_add_up_to_the_documents() -> None:
    page = render(_report(funnel=[_funnel("hin_Deva"), _funnel("tha_Thai", 200, 90)]))
    rows = [row for row in _select(page, ".chart:not(.reasons) .row") if row.query_selector(".bar")]
    widths = [[int(i["style"].split(":")[1]) for i in row.query_selector_all(".bar i")] for row in rows]
    assert [sum(width) for width in widths[1:]] == [200, 100], "most kept first"
    assert [i["class"] for i in rows[1].query_selector_all(".bar i")] == ["kept", "language", "quality", "copies"]
    assert [row.query_selector(".bar")["style"] for row in rows[1:]] == ["--size:100.000%", "--size:50.000%"]


def test_right_to_left_text_is_isolated() -> None:
    page = render(_report())
    (text,) = _select(page, "article .text")
    assert (text["dir"], text["lang"]) == ("auto", "arb-Arab")
    assert _texts(page, "article mark") == ["الرئيسية"]
    assert set(LABELS) <= set(_texts(page, "bdi.label"))


def test_hundreds_of_languages_and_thousands_of_rows_are_capped_and_say_so() -> None:
    labels = [f"q{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}_{'Latn' if i < 676 else 'Cyrl'}" for i in range(1200)]
    report = _report(
        funnel=[_funnel(label, 1000 + i, 20 + i) for i, label in enumerate(labels)],
        histograms=[_histogram(label=label) for label in labels],
        samples=[_sample(text="ข้อความ " * 100) for _ in range(3000)],
        sites=[Site(host=f"{i}.example", documents=i, kept=0, languages={}, reasons={}) for i in range(3000)],
        sites_total=70_000,
        cutoffs=[
            Cutoff(label=label, metric=m, operator="<", cutoff=1, provenance="")
            for label in labels
            for m in METRIC_NAMES
        ],
    )
    page = render(report)
    assert len(page) < 4_000_000
    assert "The 200 largest of 70,000 hosts." in page
    assert "The 1,000 largest of 1,200 rows" in page
    assert "and 1,175 more languages, the 475 with most kept" in page
    assert f"{1200 * len(METRIC_NAMES):,} rules; the 1,000 of the languages with most kept" in page
    assert len(_select(page, "#sites tbody tr")) == 200
    assert _texts(page, "#sites tbody th")[0] == "2999.example", "the largest are those shown"
    assert len(_select(page, "article")) == 20


def test_empty_run_is_a_page() -> None:
    run = replace(_report().run, records=0, stages=[], recipe="", versions={})
    page = render(Report(run=run, funnel=[]))
    assert _texts(page, ".equation b") == ["0", "0", "0", "0"]
    assert _texts(page, "h2") == ["Recipe and versions"]


# Histograms


def _area(path: str) -> float:
    return sum(float(tall) * float(width) for tall, width in re.findall(r"v-([\d.]+)h([\d.]+)", path))


def test_cutoff_splits_the_bars_where_it_lies() -> None:
    page = histogram_svg(_histogram())
    stay, gone = _select(page, "path")
    # 10 + 20 + 40 of the third bin's first 68 percent, against the rest of it and 10
    assert _area(gone["d"]) / (_area(stay["d"]) + _area(gone["d"])) == pytest.approx((40 * 0.32 + 10) / 80, abs=0.003)
    assert _texts(page, ".cutoff text") == ["> 0.67"]


@pytest.mark.parametrize(("operator", "removed"), [("<", 30 / 80), ("<=", 30 / 80), (">", 50 / 80), (">=", 50 / 80)])
def test_operator_says_which_side_goes(operator: str, removed: float) -> None:
    stay, gone = _select(histogram_svg(_histogram(cutoffs=[(operator, 0.5)])), "path")
    assert _area(gone["d"]) / (_area(stay["d"]) + _area(gone["d"])) == pytest.approx(removed, abs=0.003)


def test_uneven_bins_are_drawn_equally_wide() -> None:
    page = histogram_svg(_histogram(edges=[1, 10, 100, 1000, 10_000], counts=[1, 1, 1, 1], cutoffs=[("<", 100)]))
    stay, gone = _select(page, "path")
    assert _area(stay["d"]) == pytest.approx(_area(gone["d"]))
    assert _texts(page, "svg > text") == ["1", "10", "100", "1,000", "10,000"]


@pytest.mark.parametrize(
    "changed",
    [
        {"edges": [0, 1]},
        {"edges": [0, 1, 1, 2, 3]},
        {"edges": [0, 1, 2, 3, float("inf")]},
        {"edges": [0, 1, float("nan"), 3, 4]},
        {"counts": [0, 0, 0, 0]},
        {"counts": [], "edges": []},
    ],
)
def test_what_cannot_be_drawn_is_left_out(changed: dict[str, Any]) -> None:
    broken = _histogram(**changed)
    assert not is_drawable(broken)
    assert not _select(render(_report(histograms=[broken])), "svg")


# The offending part


@pytest.mark.parametrize(
    ("metric", "text", "expected"),
    [
        ("duplicate_line_ratio", "और पढ़ें\nआज धूप है।\nऔर पढ़ें\n\nऔर पढ़ें", ["और पढ़ें", "और पढ़ें"]),
        ("duplicate_paragraph_ratio", "ราคา\nดี\n\nข่าว\n\nราคา\nดี", ["ราคา\nดี"]),
        ("top_2gram_character_ratio", "लाल घर में लाल घर के पास", ["लाल घर", "लाल घर"]),
        ("top_2gram_character_ratio", "nothing here comes twice", []),
        ("duplicate_5gram_character_ratio", "ዛሬ ጠዋት ወደ ገበያ ሄድኩ። ዛሬ ጠዋት ወደ ገበያ ሄድኩ።", ["ዛሬ ጠዋት ወደ ገበያ ሄድኩ"]),
        ("repeated_5gram_ratio", "a b c d e x a b c d e", ["a b c d e", "a b c d e"]),
        ("repeated_character_10gram_ratio", "북쪽하늘에구름이많다고 북쪽하늘에구름이많다고", ["북쪽하늘에구름이많다고", "북쪽하늘에구름이많다고"]),
        ("bullet_line_ratio", "• خبز\n  - ماء\nسطر - عادي", ["•", "-"]),
        ("ellipsis_line_ratio", "Mehr lesen…\nwait... no\nvoir plus...  ", ["…", "..."]),
        ("ellipsis_word_ratio", "wait... no…", ["...", "…"]),
        ("hash_word_ratio", "#ข่าว ##", ["#", "##"]),
        ("terminal_punctuation_line_ratio", "خبریں\nآج بارش ہوگی۔\n他说：“好。”\n首页", ["خبریں", "首页"]),
        ("short_line_ratio", "หน้าแรก\n" + "วันนี้ฝนตกหนัก" * 4, ["หน้าแรก"]),
        ("symbol_character_ratio", "好评★★→ ក្តៅ!", ["★★→", "!"]),
        ("digit_character_ratio", "tel १२३ / 45", ["१२३", "45"]),
        ("alphabetic_word_ratio", "ថ្ងៃ 12 -- ក្តៅ", ["12", "--"]),
        ("foreign_letter_ratio", "Привет, мир! OK ありがとう", ["ありがとう"]),
        ("script_ratio", "これは本です OK", ["OK"]),
        ("pii", "Пишите: a.b@example.org, 203.0.113.9 или +1 555 0100 222; 2024-05-01", ["a.b@example.org", "203.0.113.9", "+1 555 0100 222"]),
        ("language_score", "whatever", []),
        ("no_such_reason", "whatever", []),
    ],
)  # fmt: skip
def test_offending(metric: str, text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in offending(text, metric)] == expected


REASONS = (*METRIC_NAMES, "pii")


@pytest.mark.parametrize("text", ["", "\n", "- " * 9000, "а\n" * 9000, "กา." * 6000, "1.1." * 5000, "x@" * 9000])
def test_offending_is_in_order_within_the_text_and_linear(text: str) -> None:
    started = time.process_time()
    for metric in REASONS:
        spans = offending(text, metric)
        bounds = [bound for span in spans for bound in span]
        assert bounds == sorted(bounds)
        assert all(0 <= start < end <= len(text) for start, end in spans)
    assert time.process_time() - started < 10, "quadratic work takes minutes"


def test_marks_are_cut_to_the_text() -> None:
    assert marked("abcdef", [(4, 99), (1, 3), (2, 4), (-3, 1)]) == (
        "<mark>a</mark><mark>bc</mark><mark>d</mark><mark>ef</mark>"
    )
    assert marked("a<b", [(1, 2)]) == "a<mark>&lt;</mark>b"


# Words


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("duplicate_line_ratio", "repetition"),
        ("repeated_5gram_ratio", "repetition"),
        ("top_2gram_character_ratio", "repetition"),
        ("short_line_ratio", "quality"),
        ("symbol_character_ratio", "quality"),
        ("script_ratio", "quality"),
        ("http_status", "source"),
        ("language_score", "language"),
        ("screened", "language"),
        ("quality", "quality"),
        ("minhash", "copies"),
        ("exact_duplicate", "copies"),
        ("<b>", "other"),
        ("", "other"),
    ],
)
def test_group(reason: str, name: str) -> None:
    assert group(reason) == name


def test_numbers() -> None:
    assert [share(1, 3), share(0, 9), share(1, 10**6), share(10**6 - 1, 10**6), share(5, 5), share(1, 0)] == [
        "33.3%", "0.0%", "<0.1%", ">99.9%", "100.0%", "–",
    ]  # fmt: skip
    assert [number(0.30000000000000004), number(1e6), number(None), number(float("nan"))] == [
        "0.3",
        "1,000,000",
        "–",
        "–",
    ]
    assert [size(0), size(999), size(1_234_567), size(5e15)] == ["0 B", "999 B", "1.2 MB", "5.0 PB"]
    assert [duration(3.21), duration(61), duration(86_460)] == ["3.2 s", "1 min 1 s", "24 h 1 min"]
    assert [moment("2026-01-02T03:04:05Z"), moment("yesterday")] == ["2026-01-02 03:04 UTC", "yesterday"]


# The terminal


def _printed(report: Report, width: int = 120) -> list[str]:
    out = StringIO()
    print_funnel(report, Console(file=out, width=width, force_terminal=False))
    return out.getvalue().splitlines()


def test_terminal_table_lines_up_in_every_script_and_fits() -> None:
    labels = [
        "हिन्दी_Deva",
        "ภาษาไทย",
        "中文漢字",
        "日本語",
        "한국어",
        "العربية",
        "አማርኛ",
        "ខ្មែរ",
        "eng_Latn",
        "nob_Latn",
    ]
    funnel = [_funnel(label, 123_456_789_012, 9_876_543_210) for label in labels]
    out = StringIO()
    Console(file=out, width=200).print(funnel_table(_report(funnel=funnel)))
    lines = [line.rstrip("\n") for line in out.getvalue().splitlines()]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert cell_len(lines[0]) <= 100
    rows = [line for line in lines if "%" in line]
    ends = {cell_len(line[: line.index("%") + 1]) for line in rows}
    assert len(rows) == len(labels) + 2 and len(ends) == 1


def test_terminal_table_sums_the_rest_and_keeps_reasons_that_fit() -> None:
    report = _report(funnel=[_funnel(f"aa{chr(97 + i)}_Latn", 100, 50 - i) for i in range(23)])
    wide, narrow = _printed(report, 100), _printed(report, 60)
    (rest,) = [line for line in wide if line.startswith("3 more")]
    assert rest.split() == ["3", "more", "300", "87", "29.0%", "168", "30", "15", "–"]
    assert max(map(len, narrow)) <= 60
    assert "minhash" not in narrow[0] and "other" in narrow[0]


def test_terminal_prints_the_equation_and_what_is_missing() -> None:
    assert "834 in = 320 kept + 510 dropped + 4 failed (truncated 4)" in _printed(_report())
    assert _printed(_report(failed={}))[-1] == "4 records are not accounted for"


@pytest.mark.parametrize(
    "attack", ["\x1b[2J\x1b]0;owned\x07", "[link=https://evil.example]x[/link]", "a\r\nb\tc", "\u202eabc"]
)
def test_terminal_shows_hostile_text_as_text(attack: str) -> None:
    benign, hostile = (
        _printed(_report(funnel=[_funnel("x")])),
        _printed(_report(funnel=[_funnel(attack)], failed={attack: 4})),
    )
    text = "\n".join(hostile)
    assert not set(text) & set("\x1b\x07\r\t\u202e")
    assert len(hostile) == len(benign)
    if attack.startswith("["):
        assert "[link=https" in text
