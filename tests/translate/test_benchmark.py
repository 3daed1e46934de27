"""Benchmarks translated and translated back: by the echo through a dictionary, and by a server with planted mistakes."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from tests.translate.llm_server import LanguageServer, completion, error
from translate.benchmark import Item, Translated, read_item, translate_items
from translate.chrf import chrf
from translate.echo import EchoEngine
from translate.engine import Engine
from translate.mask import PLACEHOLDER
from translate.server import Limits, ServerEngine

HINDI = {
    "Which of these rivers flows into the Bay of Bengal near the city?": "इनमें से कौन सी नदी शहर के पास बंगाल की खाड़ी में गिरती है?",
    "The dam was finished in <1> and holds <2> of water.": "बाँध <1> में बनकर तैयार हुआ और उसमें <2> पानी आता है।",
    "The old mill stands beside it.": "उसके पास पुरानी चक्की खड़ी है।",
    "the Ganges": "गंगा",
    "the Indus": "सिंधु",
    "the Narmada": "नर्मदा",
    "none of these": "इनमें से कोई नहीं",
    "Who built the mill by the river?": "नदी के किनारे की चक्की किसने बनाई?",
    "The people of the village built it.": "उसे गाँव के लोगों ने बनाया।",
}
PASSAGE = "The dam was finished in 1954 and holds 3.5 km³ of water.\n\nThe old mill stands beside it."
CHOICES = ("the Ganges", "the Indus", "the Narmada", "none of these")
ITEM = Item("Which of these rivers flows into the Bay of Bengal near the city?", CHOICES, 0, PASSAGE)
QA = Item("Who built the mill by the river?", (), "The people of the village built it.")


def spans_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def by_hand(changes: Mapping[str, str | None] | None = None) -> Callable[[dict[str, Any], int], Any]:
    """Both ways by the table, with changes; None: the server is down for that text."""
    table: dict[str, str | None] = {**HINDI, **{there: here for here, there in HINDI.items()}, **(changes or {})}

    def reply(body: dict[str, Any], n: int) -> Any:
        said = table[spans_of(body)]
        return error(500, "down") if said is None else completion(said)

    return reply


@contextmanager
def served(reply: Any) -> Iterator[tuple[Engine, LanguageServer]]:
    with LanguageServer(reply) as server:
        engine = ServerEngine(server.url, "by-hand", limits=Limits(attempts=2, pause=0.01))
        yield engine, server
        engine.close()


def translated(items: list[Item], changes: Mapping[str, str | None] | None = None, **more: Any) -> list[Translated]:
    with served(by_hand(changes)) as (engine, _):
        return translate_items(items, engine, source="en", target="hi", **more)


# --- chrF ------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=40), st.text(max_size=40))
def test_chrf_is_sacrebleus(hypothesis: str, reference: str) -> None:
    assert chrf(hypothesis, reference) == pytest.approx(CHRF().sentence_score(hypothesis, [reference]).score, abs=1e-9)


def test_chrf_of_sentences_is_sacrebleus() -> None:
    dice, metric = random.Random(3), CHRF()
    texts = [*HINDI, *HINDI.values(), "மலையில் ஆறு", "河から流れる", "a", "", " "]
    for _ in range(300):
        one, other = dice.choice(texts), dice.choice(texts)
        mixed = one[: dice.randint(0, 20)] + other[dice.randint(0, 20) :]
        assert chrf(mixed, one) == pytest.approx(metric.sentence_score(mixed, [one]).score, abs=1e-9)


def test_chrf_by_hand() -> None:
    assert chrf("नदी", "न दी") == pytest.approx(100) and chrf("", "x") == chrf("x", "y") == 0
    # 1-grams 3 of 4 and 3 of 3, 2-grams 2 of 3 and 2 of 2, 3-grams 1 of 2 and 1 of 1: P 23/36, R 1
    assert chrf("abcd", "abc") == pytest.approx(100 * 5 * (23 / 36) / (4 * 23 / 36 + 1))


# --- all goes well ---------------------------------------------------------------------------------------------------


def test_a_question_is_translated_field_by_field_and_comes_back() -> None:
    one, other = translated([ITEM, QA])
    assert one.item.question == HINDI[ITEM.question] and one.item.answer == 0
    assert one.item.choices == tuple(HINDI[choice] for choice in CHOICES)
    assert one.item.passage == "बाँध 1954 में बनकर तैयार हुआ और उसमें 3.5 km³ पानी आता है।\n\nउसके पास पुरानी चक्की खड़ी है।"
    assert one.back == ITEM and other.back == QA
    assert one.chrf == dict.fromkeys(("passage", "question", "choices"), pytest.approx(100))
    assert other.item.answer == HINDI[str(QA.answer)] and set(other.chrf) == {"question", "answer"}
    assert one.flags == other.flags == () and not one.passing


def test_equal_texts_are_asked_once() -> None:
    with served(by_hand()) as (engine, server):
        translate_items([ITEM, ITEM, Item(QA.question, CHOICES, 3)], engine, source="eng", target="hin")
    assert len(server.requests) == 2 * (4 + 3 + 1)


def test_two_dictionaries_there_and_back() -> None:
    there = {"mountain": "पर्वत", "water": "पानी", "red": "लाल", "village": "गाँव", "stone": "पत्थर"}
    engine, back = EchoEngine(there), EchoEngine({hindi: english for english, hindi in there.items()})
    item = Item("mountain village water stone", ("red", "water", "red stone"), 2)
    (made,) = translate_items([item], engine, source="en", target="hi", back_engine=back)
    assert made.item == Item("पर्वत गाँव पानी पत्थर", ("लाल", "पानी", "लाल पत्थर"), 2)
    assert made.back == item and made.flags == ()


def test_the_echo_translates_nothing_and_every_row_says_so() -> None:
    (made,) = translate_items([ITEM], EchoEngine(), source="en", target="hi")
    assert made.item == ITEM == made.back and made.chrf == {}
    reasons = {flag.partition(":")[0]: flag.partition(":")[2] for flag in made.flags}
    assert set(reasons) == {"passage", "question", *(f"choices[{n}]" for n in range(4))}
    assert reasons["question"] == "copied" and reasons["choices[0]"] in ("unchanged", "wrong_script")


def test_numbers_alone_need_no_engine() -> None:
    item = Item("12 × 12 = ?", ("144", "১৪৪০", "3.5"), 0)
    (made,) = translate_items([item], EchoEngine(), source="en", target="bn")
    assert made.item == item == made.back and made.flags == () and made.chrf["choices"] == pytest.approx(100)


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_a_choice_that_became_another_is_asked_for_again() -> None:
    def reply(body: dict[str, Any], n: int) -> Any:
        again = "another choice" in body["messages"][0]["content"]
        changes = {"the Indus": "सिंधु" if again else "गंगा", "the Ganges": "गंगा"}
        return by_hand(changes)(body, n)

    with served(reply) as (engine, server):
        (made,) = translate_items([ITEM], engine, source="en", target="hi")
    assert made.item.choices == tuple(HINDI[choice] for choice in CHOICES) and made.flags == ()
    assert sum("another choice" in str(body) for body in server.requests) == 2


def test_choices_that_stay_alike_are_as_they_were_and_flagged() -> None:
    (made,) = translated([ITEM], {"the Indus": "गंगा।", "the Ganges": "गंगा"})
    assert made.item.choices == ("the Ganges", "the Indus", HINDI["the Narmada"], HINDI["none of these"])
    assert len(set(made.item.choices)) == 4 and made.item.answer == 0
    assert made.flags == ("choices[0]:alike", "choices[1]:alike")
    assert made.chrf["choices"] == pytest.approx(100)  # of the other two


def test_choices_that_were_equal_may_stay_equal() -> None:
    (made,) = translated([Item(QA.question, ("the Indus", "the Indus", "the Ganges"), 2)])
    assert made.item.choices == ("सिंधु", "सिंधु", "गंगा") and made.flags == ()


def test_choices_that_changed_places_are_confused() -> None:
    """Distinct, plausible, and wrong: only the way back shows it."""
    (made,) = translated([ITEM], {"the Indus": "नर्मदा", "the Narmada": "सिंधु"})
    assert set(made.flags) == {"choices[1]:confused", "choices[2]:confused"}


def test_another_meaning_falls_below_the_cutoff() -> None:
    wrong = {HINDI[ITEM.question]: "What is the name of a tall green tree?"}
    (made,) = translated([ITEM], wrong)
    score = CHRF().sentence_score(wrong[HINDI[ITEM.question]], [ITEM.question]).score
    assert made.chrf["question"] == pytest.approx(score) and made.flags == ("question:chrf",)
    assert translated([ITEM], wrong, cutoff=score - 0.01)[0].flags == ()
    assert translated([ITEM], wrong, cutoff=score + 0.01)[0].flags == ("question:chrf",)


def test_numbers_must_come_back() -> None:
    # 21st is a word, so nothing masks it
    lossy = {
        "The river is of the 21st century, all the people know it.": "नदी इक्कीसवीं सदी की है, यह बात सब लोग जानते हैं।",
        "नदी इक्कीसवीं सदी की है, यह बात सब लोग जानते हैं।": "The river is of the new century, all the people know it.",
    }
    (made,) = translated([Item("The river is of the 21st century, all the people know it.")], lossy)
    assert made.flags == ("question:numbers_lost",) and made.chrf["question"] > 40


def test_a_translation_that_fails_its_checks_is_flagged_by_name_and_the_rest_is_kept() -> None:
    dropped = {"The dam was finished in <1> and holds <2> of water.": "बाँध बनकर तैयार हुआ और उसमें पानी आता है।"}
    refused = {QA.question: "I'm sorry, but I can't help with that.", str(QA.answer): str(QA.answer)}
    one, other = translated([ITEM, QA], {**dropped, **refused})
    assert one.item.passage.startswith("The dam was finished in 1954") and "चक्की" in one.item.passage
    assert one.flags == ("passage:placeholders",)
    assert other.item == QA and other.chrf == {} and set(other.flags) == {"question:refusal", "answer:copied"}


def test_the_way_back_has_checks_too() -> None:
    (made,) = translated([QA], {HINDI[QA.question]: HINDI[QA.question]})
    assert made.item.question == HINDI[QA.question] == made.back.question
    assert set(made.flags) == {"question:back_copied", "question:chrf"}


@pytest.mark.parametrize("text", [QA.question, HINDI[QA.question]])
def test_an_engine_in_trouble_is_a_flag_that_may_pass(text: str) -> None:
    (made,) = translated([QA], {text: None})
    way = "" if text == QA.question else "back_"
    assert f"question:{way}server_error" in made.flags and made.passing
    assert made.item.answer == HINDI[str(QA.answer)]


def test_a_stricter_engine_may_translate_back() -> None:
    with served(by_hand()) as (engine, _), served(by_hand({"गंगा": "the Yamuna"})) as (other, asked):
        (made,) = translate_items([ITEM], engine, source="en", target="hi", back_engine=other)
    assert made.back.choices[0] == "the Yamuna" and made.item.choices[0] == "गंगा"
    assert all(not re.search("[A-Za-z]", PLACEHOLDER.sub("", spans_of(body))) for body in asked.requests)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_read() -> None:
    row = {"question": "ಯಾವುದು?", "choices": ["ಒಂದು", "ಎರಡು"], "answer": 1, "passage": None, "subject": "x"}
    assert read_item(row) == Item("ಯಾವುದು?", ("ಒಂದು", "ಎರಡು"), 1)
    assert read_item({"question": "?\ud800", "answer": "a"}) == Item("?\ufffd", (), "a")
    assert read_item({"question": "q", "choices": ["a", "b"]}) == Item("q", ("a", "b"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "no_question"),
        ({"question": 3}, "no_question"),
        ({"question": " \n"}, "no_question"),
        ({"question": "q", "choices": "ab"}, "malformed_choices"),
        ({"question": "q", "choices": ["a", 1]}, "malformed_choices"),
        ({"question": "q", "choices": ["a"]}, "too_few_choices"),
        ({"question": "q", "choices": ["a"] * 27}, "too_many_choices"),
        ({"question": "q", "choices": ["a", "b"], "answer": 2}, "answer_out_of_range"),
        ({"question": "q", "choices": ["a", "b"], "answer": -1}, "answer_out_of_range"),
        ({"question": "q", "choices": ["a", "b"], "answer": True}, "malformed_answer"),
        ({"question": "q", "choices": ["a", "b"], "answer": "A"}, "malformed_answer"),
        ({"question": "q", "answer": 0}, "malformed_answer"),
        ({"question": "q", "passage": ["p"]}, "malformed_passage"),
        ({"question": "q" * 100_001}, "too_large"),
    ],
)
def test_rows_that_are_none_say_why(row: dict[str, Any], reason: str) -> None:
    assert read_item(row) == reason


def test_settings_that_make_no_sense() -> None:
    for given_, said in (
        ({"target": "en"}, "both eng_Latn"),
        ({"cutoff": float("nan")}, "cutoff"),
        ({"cutoff": 101}, "cutoff"),
    ):
        with pytest.raises(ValueError, match=said):
            translate_items([QA], EchoEngine(), **{"source": "en", "target": "hi", **given_})  # type: ignore[arg-type]
    assert translate_items([], EchoEngine(), source="en", target="hi") == []
