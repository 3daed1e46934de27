"""Romanization beside people's own, and beside uroman and indic-transliteration; and its speed.

`python -m tests.benchmarks.romanize` prints one JSON line. `words`: the held-out words of the Dakshina lexicons (upstream
part `dev`, none of which the learned speller saw), as [share that somebody spelled so, edits a letter to the nearest
spelling that somebody wrote]; all systems in lower case. `sentences`: the same over the words of whole sentences,
where both sides have as many words; one romanization each, in one person's spelling. `mb_per_second`: UTF-8 a
second of CPU time over Wikipedia pages, no word known before; uroman and indic-transliteration over a part of them.
"""

import gzip
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from filters.labels import canonical
from tests.benchmarks.corpora import DATA
from translate import romanize as module
from translate.romanization import learned
from translate.romanization.distance import measure
from translate.romanization.learn import read, spellings
from translate.romanization.words import rules

SOURCES = {
    "Deva": "devanagari",
    "Beng": "bengali",
    "Gujr": "gujarati",
    "Taml": "tamil",
    "Telu": "telugu",
    "Knda": "kannada",
    "Sinh": "sinhala",
    "Arab": "urdu",
}
WIKIPEDIA = ("hi", "bn", "gu", "kn", "ml", "mr", "pa", "ta", "te", "ur", "sd")
SENTENCES = 300  # a language
CHARACTERS = 20_000  # for uroman
Spelled = dict[str, str]
System = Callable[[list[str], str], Spelled]


def _ours(words: list[str], name: str) -> Spelled:
    return dict(zip(words, module.romanize(words, language=name), strict=True))


def _by_rule(words: list[str], name: str) -> Spelled:
    return spellings(words, rules(*canonical(name)), None)


def _uroman(words: list[str], name: str) -> Spelled:
    from translate.romanization.other import _uroman

    code = canonical(name)[0]
    return {word: str(_uroman().romanize_string(word, lcode=code)).lower() for word in words}


def _sanscript(scheme: str) -> System:
    from indic_transliteration import sanscript

    def system(words: list[str], name: str) -> Spelled:
        source = SOURCES[canonical(name)[1]]
        return {word: sanscript.transliterate(word, source, scheme).lower() for word in words}

    return system


def _systems() -> dict[str, System]:
    peers = {name: _sanscript(name) for name in ("itrans_lowercase", "optitrans")}
    return {"rules": _by_rule, "natural": _ours, "uroman": _uroman, **peers}


def _better(scores: dict[str, tuple[float, float]]) -> bool:
    """Natural than every peer, in both figures."""
    exact, error = scores["natural"]
    return all(exact > scores[peer][0] and error < scores[peer][1] for peer in list(scores)[2:])


def _words(systems: dict[str, System]) -> dict[str, object]:
    table = {}
    for name, attested in sorted(read(DATA / "romanized" / "dakshina_lexicons.jsonl.gz", "dev").items()):
        words = sorted(attested)
        scores = {system: measure(spell(words, name), attested) for system, spell in systems.items()}
        table[name] = {"n": len(words), **scores, "learned": canonical(name)[0] in learned.languages()}
        table[name]["natural_beats_all_peers"] = _better(scores)
    return table


def _bare(word: str) -> str:
    return word.strip(".,!?;:()\"'|।॥،۔‘’“”-–")


def _pairs() -> dict[str, list[tuple[str, str]]]:
    """(native word, what it is in the human sentence), of sentences evenly drawn."""
    rows = defaultdict(list)
    with gzip.open(DATA / "romanized" / "dakshina_sentences.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            native, roman = row["native"].split(), row["roman"].lower().split()
            if len(native) == len(roman):
                rows[row["lang"]].append(list(zip(map(_bare, native), map(_bare, roman), strict=True)))
    return {
        name: [pair for each in found[:: max(1, len(found) // SENTENCES)] for pair in each if all(pair)]
        for name, found in rows.items()
    }


def _sentences(systems: dict[str, System]) -> dict[str, object]:
    table = {}
    for name, pairs in sorted(_pairs().items()):
        attested = {f"{at} {native}": [roman] for at, (native, roman) in enumerate(pairs)}
        scores = {}
        for system, spell in systems.items():
            found = spell(sorted({native for native, _ in pairs}), name)
            scores[system] = measure({key: found[key.partition(" ")[2]] for key in attested}, attested)
        table[name] = {"n": len(pairs), **scores}
    return table


def _pages(name: str) -> list[str]:
    with gzip.open(DATA / "raw" / f"wikipedia_{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _rate(system: System, texts: list[str], name: str) -> float:
    start = time.process_time()
    system(texts, name)
    seconds = time.process_time() - start
    return round(sum(len(text.encode()) for text in texts) / 1e6 / seconds, 3)


def _iso(texts: list[str], name: str) -> Spelled:
    return dict(zip(texts, module.romanize(texts, language=name, scheme="iso"), strict=True))


def _speed(systems: dict[str, System]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for name in WIKIPEDIA:
        texts = _pages(name)
        _ours([texts[0][:50]], name)  # compiles and loads
        module._romanizer.cache_clear()
        table[name] = {"natural": _rate(_ours, texts, name), "natural_again": _rate(_ours, texts, name)}
        if canonical(name)[1] != "Arab":
            table[name]["iso"] = _rate(_iso, texts, name)
        if canonical(name)[1] in SOURCES:
            part = ["\n".join(texts)[:CHARACTERS]]
            table[name] |= {peer: _rate(systems[peer], part, name) for peer in ("uroman", "optitrans")}
    return table


def main() -> None:
    systems = _systems()
    words = _words(systems)
    figures = {
        "words": words,
        "words_won": sum(row["natural_beats_all_peers"] for row in words.values()),  # type: ignore[index]
        "sentences": _sentences(systems),
        "model_kb": round(Path(learned.FILE).stat().st_size / 1e3),
        "mb_per_second": _speed(systems),
    }
    print(json.dumps({"benchmark": "romanize", **figures}))


if __name__ == "__main__":
    main()
