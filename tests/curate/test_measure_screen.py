"""The language screen: what it turns away, what it lets through, and what the rows of both say."""

import pyarrow as pa
import pytest

from curate.measurer import Measurer
from curate.page import Page
from curate.recipe import Clean, Recipe
from curate.sources.record import Record
from curate.work import Settings, Tally
from filters import clean, minhash
from filters.guard import Guard
from filters.url import Blocklist

SENTENCES = {
    "hin_Deva": "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।",
    "mar_Deva": "माझ्या शेजाऱ्यांनी गेल्या आठवड्यात जुना पूल दुरुस्त केला आणि आता मुले पुन्हा चालत शाळेत जाऊ शकतात.",
    "eng_Latn": "My neighbours repaired the old bridge last week, and now the children can walk to school again.",
    "deu_Latn": "Meine Nachbarn haben letzte Woche die alte Brücke repariert, und nun gehen die Kinder wieder zu Fuß.",
    "tha_Thai": "สัปดาห์ที่แล้วเพื่อนบ้านของฉันซ่อมสะพานเก่า ตอนนี้เด็ก ๆ เดินไปโรงเรียนได้อีกครั้ง",
    "amh_Ethi": "ጎረቤቶቼ ባለፈው ሳምንት አሮጌውን ድልድይ ጠግነዋል፤ አሁን ልጆች በእግራቸው ወደ ትምህርት ቤት ይሄዳሉ።",
    "kor_Hang": "지난주에 이웃들이 낡은 다리를 고쳐서 이제 아이들이 다시 걸어서 학교에 갈 수 있다.",
    "jpn_Jpan": "先週、近所の人たちが古い橋を直したので、子どもたちはまた歩いて学校に通えるようになりました。",
    "cmn_Hani": "上个星期邻居们修好了那座旧桥，现在孩子们又可以走路去上学了。",
}


def page(text: str) -> bytes:
    story = "".join(f"<p>{' '.join([text] * 3)}</p>" for _ in range(3))
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/hi'>हिन्दी</a></li></ul></nav>"
    return f"<html><head><meta charset=utf-8></head><body>{menu}<article>{story}</article></body></html>".encode()


def measured(bodies: list[bytes], *wanted: str) -> tuple[list[dict], Tally, list[dict]]:
    tally, failures = Tally(), list[dict]()
    settings = Settings(Recipe(input=("-",), output="-", languages=wanted), {}, {}, Blocklist.load(()))
    pages = [Page(Record(offset=offset, payload=body), "crawl") for offset, body in enumerate(bodies)]
    with Guard() as guard:
        rows = Measurer(settings, tally, guard).rows(pages, failures).to_pylist()
    return rows, tally, failures


@pytest.mark.parametrize("wanted", [("hin_Deva",), ("deu_Latn",), ("jpn_Jpan",), ("kor_Hang", "amh_Ethi")])
def test_only_pages_in_a_wanted_language_pass(wanted: tuple[str, ...]) -> None:
    rows, tally, failures = measured([page(text) for text in SENTENCES.values()], *wanted)
    assert not failures and len(rows) == len(SENTENCES)
    passed = {name for name, row in zip(SENTENCES, rows, strict=True) if row["drop_reasons"] == []}
    assert passed == set(wanted)
    assert tally.dropped == {"screened": len(SENTENCES) - len(wanted)}


def test_a_page_turned_away_keeps_a_sample_and_its_script_but_is_not_measured() -> None:
    rows, _, _ = measured([page(text) for text in SENTENCES.values()], "hin_Deva")
    by_name = dict(zip(SENTENCES, rows, strict=True))
    for name in ("eng_Latn", "tha_Thai", "amh_Ethi", "kor_Hang", "jpn_Jpan", "cmn_Hani"):
        row = by_name[name]
        assert (row["language"], row["language_script"]) == ("und", name[-4:])
        assert SENTENCES[name][:40] in row["text"] and len(row["text"]) <= 500
    assert by_name["mar_Deva"]["language"] == "mar", "its script is wanted: the model was asked"
    nothing = [by_name[name]["exact_hash"] for name in SENTENCES if name != "hin_Deva"]
    assert len(set(nothing)) == 1 != len({*nothing, by_name["hin_Deva"]["exact_hash"]})
    assert all(row["minhash"] is None for name, row in by_name.items() if name != "hin_Deva")
    assert by_name["hin_Deva"]["minhash"] is not None and by_name["hin_Deva"]["signals"]["words"] > 50


@pytest.mark.parametrize("spelling", ["&#{};", "&#x{:x};", "&#X{:04X};"])
@pytest.mark.parametrize("name", ["hin_Deva", "tha_Thai", "amh_Ethi"])
def test_text_written_in_character_references_passes(name: str, spelling: str) -> None:
    references = "".join(spelling.format(ord(letter)) if letter > "\x7f" else letter for letter in SENTENCES[name])
    body = page(references).replace("हिन्दी".encode(), b"Hindi")
    assert body.isascii()
    rows, _, failures = measured([body, page(SENTENCES["eng_Latn"])], name)
    assert not failures and [row["drop_reasons"] for row in rows] == [[], ["screened"]]
    assert SENTENCES[name] in rows[0]["text"] and rows[0]["language"] == name[:3]


def test_a_page_without_cheap_text_is_left_to_the_extractor() -> None:
    rows, _, failures = measured([b"<html><body><div></div></body></html>", page(SENTENCES["hin_Deva"])], "hin_Deva")
    assert not failures and [row["drop_reasons"] for row in rows] == [["empty"], []]


def test_a_page_that_breaks_a_step_is_one_failure_and_others_fail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "टूटा हुआ पन्ना"
    repair = clean.repair

    def repair_or_break(text: pa.StringArray) -> pa.StringArray:
        if any(broken in (value or "") for value in text.to_pylist()):
            raise ValueError("no such text")
        return repair(text)

    monkeypatch.setattr(clean, "repair", repair_or_break)
    tally, failures = Tally(), list[dict]()
    settings = Settings(Recipe(input=("-",), output="-"), {}, {}, Blocklist.load(()))
    hangs = ("<p " + " ".join(f"a{n}=1" for n in range(200_000)) + ">text</p>").encode()
    bodies = [page(SENTENCES["tha_Thai"]), hangs, page(broken), page(SENTENCES["amh_Ethi"])]
    pages = [Page(Record(offset=offset, payload=body), "crawl") for offset, body in enumerate(bodies)]
    with Guard(timeout=1) as guard:
        rows = Measurer(settings, tally, guard).rows(pages, failures).to_pylist()
    assert [row["source"]["offset"] for row in rows] == [0, 3] and tally.rows == 2
    assert sorted((row["offset"], row["reason"]) for row in failures) == [
        (1, "extractor_timeout"),
        (2, "measure_error"),
    ]
    assert failures[-1]["error"] == "ValueError: no such text" or failures[0]["error"] == "ValueError: no such text"


def test_lines_removed_are_counted_once_where_a_batch_is_tried_again_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    exact_hash, tried = minhash.exact_hash, []

    def break_on_many(text: pa.StringArray) -> pa.Int64Array:
        tried.append(len(text))
        if len(text) > 1:
            raise ValueError("too many at once")
        return exact_hash(text)

    monkeypatch.setattr(minhash, "exact_hash", break_on_many)
    tally, failures = Tally(), list[dict]()
    settings = Settings(Recipe(input=("-",), output="-", clean=Clean(line_rules=("setu_words",))), {}, {}, Blocklist())
    texts = [f"{SENTENCES[label]}\nhome" for label in ("hin_Deva", "amh_Ethi", "eng_Latn")]
    pages = [Page(Record(offset=offset, payload=text), "crawl") for offset, text in enumerate(texts)]
    with Guard() as guard:
        rows = Measurer(settings, tally, guard).rows(pages, failures).to_pylist()
    assert tried[0] == 3 and not failures and not any("home" in row["text"] for row in rows)
    assert tally.lines_removed == {"setu_words": 3} and tally.rows == 3
