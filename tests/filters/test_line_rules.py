"""Line rules: which lines go, in many scripts, and that C4's are datatrove's on English."""

from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest

from filters import line_rules
from filters.line_rules import LineRule, apply
from tests.filters import texts

# a line that ends a sentence, one that ends in the middle of one (a comma, or a bracket closed): both stay under Setu
ENDED = {
    "eng_Latn": ("The bridge is open again.", "He said: “come in”"),
    "hin_Deva": ("पुल फिर से खुल गया है।", "वह आया, रुका,"),
    "san_Deva": ("धर्मक्षेत्रे कुरुक्षेत्रे समवेता युयुत्सवः॥", "इति श्लोकः (१)"),
    "urd_Arab": ("پل دوبارہ کھل گیا ہے۔", "وہ آیا، رکا،"),
    "arb_Arab": ("هل فُتح الجسر من جديد؟", "جاء الرجل؛"),
    "amh_Ethi": ("ድልድዩ እንደገና ተከፈተ።", "መጣ፣ ቆመ፣"),
    "mya_Mymr": ("တံတား ပြန်ဖွင့်ပြီ။", "သူ လာသည်၊"),
    "khm_Khmr": ("ស្ពានបានបើកឡើងវិញហើយ។", "គាត់បានមកដល់៕"),
    "jpn_Jpan": ("橋がまた開通しました。", "彼は「来て」と言った」"),
    "cmn_Hani": ("大桥重新开放了。", "他来了，停下，"),
    "kor_Hang": ("다리가 다시 열렸습니다.", "그는 왔고,"),
    "sat_Olck": ("ᱱᱚᱣᱟ ᱫᱚ ᱢᱤᱫ ᱟᱹᱭᱟᱹᱛ ᱠᱟᱱᱟ᱾", "ᱟᱨ ᱢᱤᱫ:"),
    "mni_Mtei": ("ꯃꯁꯤ ꯋꯥꯍꯩꯄꯔꯦꯡ ꯑꯃꯅꯤ꯫", "ꯃꯁꯤ ꯑꯃꯅꯤ,"),
    "hye_Armn": ("Կամուրջը կրկին բաց է։", "նա եկավ,"),
    "ell_Grek": ("Η γέφυρα άνοιξε ξανά.", "ήρθε;"),
    "deu_Latn": ("Er sagte: „Komm herein.“", "Die Brücke ist offen;"),
    "bod_Tibt": ("དེ་རིང་གནམ་གཤིས་བཟང་པོ་འདུག།", "དེ་རིང་ཡག་པོ་འདུག"),
}
# without a terminal mark: a heading or a menu's entry
OPEN = {
    "eng_Latn": "The bridge is open again",
    "hin_Deva": "पुल फिर से खुल गया है",
    "urd_Arab": "پل دوبارہ کھل گیا ہے",
    "amh_Ethi": "ድልድዩ እንደገና ተከፈተ",
    "mya_Mymr": "တံတား ပြန်ဖွင့်ပြီ",
    "cmn_Hani": "大桥重新开放了",
    "kor_Hang": "다리가 다시 열렸습니다",
    "bod_Tibt": "དེ་རིང་གནམ་གཤིས་བཟང་པོ",
}
UNMARKED = {
    "tha_Thai": "วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะ 3 ชั่วโมง",
    "lao_Laoo": "ມື້ນີ້ອາກາດດີຫຼາຍ ພວກເຮົາໄປຍ່າງຫຼິ້ນ",
}


def left(text: str, *rules: str) -> str:
    return apply(pa.array([text]), rules).text[0].as_py()


def test_every_name_is_a_rule_and_every_rule_a_name() -> None:
    known = [*line_rules.LINES, *line_rules.SPANS, *line_rules.DOCUMENTS]
    assert sorted(known) == sorted(get_args(LineRule))
    with pytest.raises(ValueError, match="unknown line rule 'setu'; known: setu_code, setu_symbols"):
        apply(pa.array(["a"]), ["setu"])


@pytest.mark.parametrize("label", ENDED)
def test_ended_lines_stay(label: str) -> None:
    text = "\n".join(ENDED[label])
    assert left(text, "setu_terminal") == text
    assert left(ENDED[label][0], "c4_terminal") == ENDED[label][0]


@pytest.mark.parametrize("label", OPEN)
def test_open_and_cut_off_lines_go(label: str) -> None:
    end = ENDED[label][0]
    text = f"{end}\n{OPEN[label]}\n{OPEN[label]}...\n{OPEN[label]}…\n{end}####\n{end}"
    for rule in ("setu_terminal", "c4_terminal"):
        assert left(text, rule) == f"{end}\n{end}"


def test_c4_takes_no_commas_and_brackets() -> None:
    assert left("One, two, three,\nas he said (twice)\nOne two three.", "c4_terminal") == "One two three."


@pytest.mark.parametrize("label", UNMARKED)
def test_scripts_without_terminal_marks_lose_no_line_for_it(label: str) -> None:
    line = UNMARKED[label]
    text = f"{line}\n{line} 555\n{line} BTS 5"
    for rule in ("setu_terminal", "c4_terminal"):
        assert left(text, rule) == f"{line}\n{line} 555"  # the third ends in Latin


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("मेनू", 1), ("यह रहा", 2), ("Menu", 1), ("Don't!", 1), ("well-known", 1), ("a b c", 3),
        ("เมนู", 1), (UNMARKED["tha_Thai"], 8), (UNMARKED["lao_Laoo"], 5), ("ស្ពានបានបើកឡើងវិញហើយ។", 4),
        ("大桥重新开放了。", 3), ("橋がまた開通しました。", 5), ("တံတားပြန်ဖွင့်ပြီ။", 3), ("བོད་", 1), ("བཀྲ་ཤིས་བདེ་ལེགས", 4),
        ("ሰላም፡ለዓለም፡ሁሉ።", 3), ("메뉴", 1), ("다리가 다시", 2),
    ],
)  # fmt: skip
def test_words_of_a_line(line: str, words: int) -> None:
    """At least so many, and where that is fewer than C4's three, no more."""
    found = int(line_rules.Lines(pa.array([line])).words[0])
    assert found >= words and (words >= 3 or found == words)
    assert (left(f"{line}\nOne two three.", "setu_words") == f"{line}\nOne two three.") is (words > 1)
    assert (left(f"{line}\nOne two three.", "c4_words") == f"{line}\nOne two three.") is (words >= 3)


def test_a_script_without_word_breaker_has_words_enough() -> None:
    for line in ("ꦱꦸꦒꦼꦁꦫꦮꦸꦃ", "ᬲᬸᬓ᭄ᬱ᭄ᬫ", "ꆈꌠꁱꂷ"):
        assert left(line, "setu_words", "c4_words") == line


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("12:30 — 14:00", False), ("१२:३० — १४:००", False), ("٢٠٢٤/٠٥/١٢", False), ("=== 1 ===", False), ("★★★★☆ (12)", False),
        ("In 2024 there were 12.", True), ("नमस्ते!", True), ("می‌خواهم.", True), ("വരുന്നു.", True), ("3.5 km", False),
    ],
)  # fmt: skip
def test_lines_of_numbers_and_punctuation(line: str, stays: bool) -> None:
    assert (left(f"{line}\nA line of words", "setu_symbols") == f"{line}\nA line of words") is stays


def test_code_is_cut_and_prose_around_it_stays() -> None:
    text = (
        "Version 2.1 is out. See <a href='x'>the page</a> for more.\n"
        ".menu li a { color: red;\n margin: 0 }\n"
        "function go(a, b) { return\n a + b }\nIt works. Sets {a, b} are fine."
    )
    cleaned = apply(pa.array([text]), ["setu_code"])
    assert cleaned.text[0].as_py() == "Version 2.1 is out. See  for more.\n\nIt works. Sets {a, b} are fine."
    assert cleaned.removed == {"setu_code": 3}


def test_documents_go_for_what_is_left_in_them() -> None:
    given = [
        "Fine text here.\nA { javascript line.",
        "A set {a} here.",
        "LOREM Ipsum dolor sit.",
        "Fine {\nA good line.",
    ]
    cleaned = apply(pa.array(given), ["c4_javascript", "c4_lorem_ipsum", "c4_curly_bracket", "c4_words"])
    assert cleaned.reasons.to_pylist() == [None, "c4_curly_bracket", "c4_lorem_ipsum", None]
    assert cleaned.text.to_pylist() == ["Fine text here.", given[1], given[2], "A good line."]


def test_policy_lines() -> None:
    text = "This site uses cookies to work.\nRead our Privacy Policy today.\nThe cookies were good."
    cleaned = apply(pa.array([text]), ["c4_policy"])
    assert cleaned.text[0].as_py() == "The cookies were good." and cleaned.removed == {"c4_policy": 2}


def test_blank_lines_nulls_and_emptied_texts() -> None:
    given = ["A b.\n\nMenu\n\nHome\n\nC d.", None, "", " \n ", "Menu\nHome", "A b.\n\n\nC d."]
    cleaned = apply(pa.array(given).slice(0), ["setu_terminal"])
    assert cleaned.text.to_pylist() == ["A b.\n\nC d.", None, "", " \n ", "Menu\nHome", "A b.\n\n\nC d."]
    assert cleaned.reasons.to_pylist() == [None, None, None, None, "no_lines_left", None]
    assert cleaned.removed == {"setu_terminal": 4}
    assert apply(pa.array([], pa.string()), ["setu_terminal", "setu_code"]).text.to_pylist() == []
    assert apply(pa.array(given), []).text.to_pylist() == given


def test_a_slice_of_a_column_and_what_lies_under_a_null() -> None:
    column = pa.array(["Menu", "A b.\nMenu", "C d.\nHome"])
    assert apply(column.slice(1), ["setu_terminal"]).text.to_pylist() == ["A b.", "C d."]
    masked = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(b"\x02"), *column.buffers()[1:]])
    assert masked.to_pylist() == [None, "A b.\nMenu", None]
    cleaned = apply(masked, ["setu_terminal", "setu_words"])
    assert cleaned.text.to_pylist() == [None, "A b.", None] and cleaned.removed["setu_terminal"] == 1


def test_a_line_counts_under_the_first_rule_that_objects() -> None:
    for rules in (["setu_words", "setu_terminal"], ["setu_terminal", "setu_words"]):
        removed = apply(pa.array(["Menu\nA line."]), rules).removed
        assert removed == {rules[0]: 1, rules[1]: 0}


def test_random_texts_keep_lines_or_lose_them_whole() -> None:
    given = texts.random_texts(400, seed=11) + texts.EDGE_CASES
    cleaned = apply(pa.array(given), ["setu_symbols", "setu_words"])
    lost = 0
    for before, after in zip(given, cleaned.text.to_pylist(), strict=True):
        lines = iter(line.rstrip(" \t") for line in before.split("\n"))
        assert all(any(line.rstrip(" \t") == one for one in lines) for line in after.split("\n") if line.strip()), (
            before,
            after,
        )
        lost += before != after
    assert lost > 50 and cleaned.reasons.null_count < len(given)


@pytest.mark.shared
def test_c4_rules_are_datatrove_s_on_english(shared: Path) -> None:
    filters = pytest.importorskip("datatrove.pipeline.filters")
    from datatrove.data import Document

    records = texts.read_jsonl(shared / "text/ntrex128.jsonl.gz", 10_000)
    given = ["\n".join(record["lines"]) for record in records if record["lang"].startswith("eng")]
    extra = "Menu\nAbout us\nThis page needs JavaScript to run.\nWe use cookies here.\nHe said...\n{}\n"
    given = [text.replace(". ", ".\n") for text in given] + [f"{extra}{text[:300]}" for text in given[:20]] + [extra]
    given += [f"{given[0]}\nLorem ipsum dolor sit amet.", f"{given[0]}\nA set {{a, b}} of two."]
    theirs = filters.C4QualityFilter(min_num_sentences=-1, max_word_length=-1, remove_citations=False)
    rules = ["c4_terminal", "c4_words", "c4_lorem_ipsum", "c4_javascript", "c4_curly_bracket", "c4_policy"]
    cleaned = apply(pa.array(given), rules)
    compared, differing = 0, []
    for text, ours, reason in zip(given, cleaned.text.to_pylist(), cleaned.reasons.to_pylist(), strict=True):
        document = Document(text, "")
        verdict = theirs.filter(document)
        if verdict is True and document.text:
            assert reason is None
            mine, other = [
                [line.strip() for line in each.split("\n") if line.strip()] for each in (ours, document.text)
            ]
            compared += len(other)
            differing += sorted(set(mine) ^ set(other))
        else:
            assert reason == ("no_lines_left" if verdict is True else f"c4_{verdict[1]}")
    # ours also takes curly quotes and other scripts' marks for an end, and `…` for a cut
    assert compared > 500 and all(not line.endswith((".", "?", "!", '"', "'")) for line in differing), differing
