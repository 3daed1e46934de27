"""Checks of translations: false alarms on human ones, and damage that is found.

`python -m tests.benchmarks.translation_checks` prints one JSON line. NTREX-128, English into 30 languages: the lengths are
learned from four documents in five, the rest, which the language model was not trained on either, are judged.
`recall` is by kind of damage: the share found, for any reason. `by_own_reason`: where that names the damage.
"""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable

from curate.lid.corpus import held_out
from filters.columns import label
from filters.labels import canonical
from filters.language import identify
from tests.benchmarks.corpora import _records
from translate.checks.check import REASONS, Reason, check
from translate.checks.lengths import LengthCounts, LengthLimits
from translate.checks.measures import strings
from translate.engine import Answer
from translate.mask import mask, placeholders

SOURCE = "eng"
_LANGUAGES = """
deu fra spa por-BR rus ukr pol ell tur fin arb fas urd heb hin ben tam tel pan tha lao jpn zho-CN kor tir swa yor ind
hye bod
"""  # not Burmese, whose text there is in Zawgyi's encoding
LANGUAGES = _LANGUAGES.split()
# Looked at last: only the words and phrases, and how long a text must be for its language to count, were mended on these
_OTHERS = """
afr aze-Latn bak bul cat ces ckb-Arab cym dan div est eus fil fra-CA gle glg hau hun isl ita kaz kin kir lit mar mkd mlt
mon nld nob pus ron slk slv som sqi srp-Cyrl swe tat tuk uig uzb vie yue zho-TW zul
"""
_PREAMBLES = (  # as models put it; none is taken from the list that is looked for
    "Here is the translation:\n", "Sure! Here's the translated text: ", "Translation: ", "Hier ist die Übersetzung: ",
    "Voici la traduction demandée : ", "अनुवाद: ", "यहाँ हिंदी अनुवाद है: ", "以下是翻译：", "翻訳は次のとおりです：", "다음은 번역입니다: ",
    "Вот перевод: ", "فيما يلي الترجمة: ", "Esta es la traducción al español: ", "Hii hapa tafsiri: ", "இதோ மொழிபெயர்ப்பு: ",
    "Çeviri şöyledir: ", "Oto tłumaczenie: ", "นี่คือคำแปล: ",
)  # fmt: skip
_REFUSALS = (
    "I'm sorry, but I can't translate this text.", "As an AI language model, I am not able to do that.",
    "I cannot assist with that request.", "Lo siento, pero no puedo ayudarte con eso.", "Je suis désolé, mais je ne peux pas le faire.",
    "Es tut mir leid, das kann ich nicht.", "抱歉，我无法完成这个请求。", "申し訳ありませんが、お手伝いできません。",
    "क्षमा करें, मैं इस अनुरोध को पूरा नहीं कर सकता।", "Извините, я не могу выполнить эту просьбу.", "عذرًا، لا يمكنني القيام بذلك.",
    "Samahani, siwezi kufanya hivyo.", "மன்னிக்கவும், என்னால் இதைச் செய்ய முடியாது.", "죄송하지만 도와드릴 수 없습니다.",
)  # fmt: skip

Texts = dict[str, list[str]]
Case = tuple[str, Answer]  # a masked source and an answer
Damage = Callable[[random.Random, str, str], Case | None]


def _texts() -> tuple[Texts, Texts]:
    """(judged, learned from): lines by language, parallel."""
    judged, learned = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for row in _records("text/ntrex128.jsonl.gz"):
        part = judged if held_out(f"ntrex/{row['doc']}") else learned
        part[row["lang"]] += row["lines"]
    return judged, learned


def _label(language: str) -> str:
    return label(*canonical(language))


def _limits(learned: Texts) -> LengthLimits:
    counts = LengthCounts()
    for language in learned:
        counts.add((_label(SOURCE), _label(language)), learned[SOURCE], learned[language])
    return LengthLimits.fit(counts)


def _checked(cases: list[Case], language: str, limits: LengthLimits) -> list[Reason | None]:
    sources, answers = [source for source, _ in cases], [answer for _, answer in cases]
    names = {"source_language": _label(SOURCE), "target_language": _label(language)}
    return [problem and problem.reason for problem in check(sources, answers, limits=limits, **names)]


def _stopped(source: str, text: str) -> Case:
    return source, Answer(text, "stop")


def _masked(source: str, answer: str) -> tuple[str, str] | None:
    """Both with placeholders, where all that is protected in one is in the other."""
    one, other = mask(source), mask(answer)
    if not one.parts or sorted(one.parts.values()) != sorted(other.parts.values()):
        return None
    names = {part: name for name, part in one.parts.items()}
    text = other.text
    for name, part in other.parts.items():
        text = text.replace(name, f"\0{names[part]}", 1)
    text = text.replace("\0", "")
    return (one.text, text) if len(names) == len(one.parts) else None


def _false_alarms(judged: Texts, limits: LengthLimits, languages: list[str]) -> dict[str, object]:
    reasons, masked_reasons, by_language, total, masked_total = Counter[str](), Counter[str](), {}, 0, 0
    for language in languages:
        pairs = list(zip(judged[SOURCE], judged[language], strict=True))
        found = Counter(filter(None, _checked([_stopped(*pair) for pair in pairs], language, limits)))
        both = [_stopped(*each) for each in (_masked(*pair) for pair in pairs) if each]
        masked_reasons.update(filter(None, _checked(both, language, limits)))
        reasons.update(found)
        by_language[language] = dict(found)
        total += len(pairs)
        masked_total += len(both)
    return {
        "n": total,
        "false_alarms_percent": round(100 * reasons.total() / total, 2),
        "false_alarms_by_reason": {reason: reasons[reason] for reason in REASONS if reasons[reason]},
        "false_alarms_by_language": {language: each for language, each in by_language.items() if each},
        "masked_n": masked_total,
        "masked_false_alarms": dict(masked_reasons),
    }


def _nearly_copied(chance: random.Random, source: str, _: str) -> Case:
    words = source.split()
    words[chance.randrange(len(words))] = "the"
    return _stopped(source, " ".join(words))


def _half_copied(_: random.Random, source: str, answer: str) -> Case:
    words = source.split()
    return _stopped(source, f"{' '.join(words[: len(words) // 2])} {answer[len(answer) // 2 :]}")


def _truncated(share: float) -> Damage:
    return lambda _, source, answer: _stopped(source, answer[: int(len(answer) * share)])


def _looping(_: random.Random, source: str, answer: str) -> Case:
    return _stopped(source, answer + answer[-12:] * 10)


def _number_changed(chance: random.Random, source: str, answer: str) -> Case | None:
    places = [at for at, character in enumerate(answer) if character.isdecimal()]
    if not places or not any(map(str.isdecimal, source)):
        return None
    at = chance.choice(places)
    digit = ord(answer[at]) - int(answer[at])
    other = chance.choice([each for each in range(1, 10) if each != int(answer[at])])
    return _stopped(source, f"{answer[:at]}{chr(digit + other)}{answer[at + 1 :]}")


def _placeholder(kind: str) -> Damage:
    def damage(chance: random.Random, source: str, answer: str) -> Case | None:
        both = _masked(source, answer)
        if both is None:
            return None
        name = chance.choice(placeholders(both[0]))
        changed = {"dropped": "", "doubled": f"{name} {name}", "invented": f"{name} <97>"}[kind]
        return _stopped(both[0], both[1].replace(name, changed))

    return damage


DAMAGES: dict[str, tuple[frozenset[str], Damage]] = {
    "copied": (frozenset({"copied"}), lambda _, source, __: _stopped(source, source)),
    "nearly_copied": (frozenset({"copied"}), _nearly_copied),
    "half_copied": (frozenset({"copied", "partly_copied", "wrong_script"}), _half_copied),
    "stopped_by_length": (
        frozenset({"stopped_by_length"}),
        lambda _, source, text: (source, Answer(text[:40], "length")),
    ),
    "cut_to_30_percent": (frozenset({"length_ratio", "unfinished"}), _truncated(0.3)),
    "cut_to_60_percent": (frozenset({"length_ratio", "unfinished"}), _truncated(0.6)),
    "doubled": (frozenset({"loop", "length_ratio"}), lambda _, source, text: _stopped(source, f"{text} {text}")),
    "looping": (frozenset({"loop", "length_ratio"}), _looping),
    "preamble": (
        frozenset({"preamble", "line_breaks"}),
        lambda dice, s, text: _stopped(s, dice.choice(_PREAMBLES) + text),
    ),
    "refusal": (frozenset({"refusal"}), lambda dice, source, _: _stopped(source, dice.choice(_REFUSALS))),
    "number_changed": (frozenset({"numbers_changed"}), _number_changed),
    **{
        f"placeholder_{kind}": (frozenset({"placeholders"}), _placeholder(kind))
        for kind in ("dropped", "doubled", "invented")
    },
}


def _recall(judged: Texts, limits: LengthLimits) -> dict[str, object]:
    chance = random.Random(1)
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for language in LANGUAGES:
        pairs = list(zip(judged[SOURCE], judged[language], strict=True))
        for kind, (own, damage) in DAMAGES.items():
            cases = [case for case in (damage(chance, *pair) for pair in pairs) if case]
            found[kind] += [(reason is not None, reason in own) for reason in _checked(cases, language, limits)]
        for kind, others in _others(language).items():
            lines = [judged[chance.choice(others)][at] for at in range(len(pairs))] if others else []
            cases = [_stopped(source, line) for (source, _), line in zip(pairs, lines, strict=False)]
            own = {"wrong_script", "wrong_language"}
            found[kind] += [(reason is not None, reason in own) for reason in _checked(cases, language, limits)]
    return {
        "recall": {kind: round(sum(any_ for any_, _ in each) / len(each), 3) for kind, each in found.items()},
        "by_own_reason": {kind: round(sum(own for _, own in each) / len(each), 3) for kind, each in found.items()},
        "damaged_n": {kind: len(each) for kind, each in found.items()},
    }


def _others(language: str) -> dict[str, list[str]]:
    """Languages in another script and in the same."""
    script = canonical(language)[1]
    others = [each for each in LANGUAGES if each != language]
    same = [each for each in others if canonical(each)[1] == script]
    return {"language_of_other_script": [each for each in others if each not in same], "language_of_same_script": same}


def _cost(judged: Texts, limits: LengthLimits) -> dict[str, float]:
    """CPU time a span, and against that of identifying the language alone."""
    texts = {
        language: [_stopped(*pair) for pair in zip(judged[SOURCE], judged[language], strict=True)]
        for language in LANGUAGES
    }
    columns = {language: strings(judged[language]) for language in LANGUAGES}

    def checks() -> None:
        for language, cases in texts.items():
            _checked(cases, language, limits)

    def languages() -> None:
        for column in columns.values():
            identify(column)

    best = [min(_seconds(work) for _ in range(3)) for work in (checks, languages)]
    spans = sum(map(len, texts.values()))
    return {"microseconds_a_span": round(1e6 * best[0] / spans, 1), "cost_of_identify": round(best[0] / best[1], 2)}


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    judged, learned = _texts()
    limits = _limits(learned)
    others = [language for language in _OTHERS.split() if language in judged]
    figures = {
        **_false_alarms(judged, limits, LANGUAGES),
        **{f"other_languages_{name}": figure for name, figure in _false_alarms(judged, limits, others).items()},
        "false_alarms_percent_default_lengths": _false_alarms(judged, LengthLimits(), LANGUAGES)[
            "false_alarms_percent"
        ],
        **_recall(judged, limits),
        **_cost(judged, limits),
    }
    print(json.dumps({"benchmark": "translation_checks", **figures}))


if __name__ == "__main__":
    main()
