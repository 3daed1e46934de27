"""The encoder-decoder engine beside transformers itself: `python -m tests.translate.seq2seq_checks MODEL`.

Prints one JSON object of what was found; test_seq2seq.py says what it should be.
"""

import json
import sys
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from tests.translate.tiny_llama import TEXTS
from translate.engine import Answer, EngineError, Failure, Message, Parameters, Request
from translate.seq2seq import Seq2SeqEngine


def requests(texts: list[str], most: int = 20) -> list[Request]:
    return [
        Request((Message("system", "ignored"), Message("user", text)), Parameters(max_tokens=most)) for text in texts
    ]


def alone(folder: str, text: str, source: str, target: str) -> str:
    """One text at a time, without padding."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.src_lang = source
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        forced = tokenizer.convert_tokens_to_ids(target)
        found = model.generate(
            **tokenizer(text, return_tensors="pt"), max_new_tokens=20, forced_bos_token_id=forced, do_sample=False
        )
    return str(tokenizer.decode(found[0], skip_special_tokens=True))


def main(folder: str) -> None:
    engine = Seq2SeqEngine(folder, source="eng_Latn", target="hin_Deva")
    answers = engine.run(requests(TEXTS))
    found: dict[str, Any] = {
        "same": [
            isinstance(a, Answer) and a.text == alone(folder, t, "eng_Latn", "hin_Deva")
            for a, t in zip(answers, TEXTS, strict=True)
        ],
        "finish": [a.finish for a in answers if isinstance(a, Answer)],
        "counted": engine.count_tokens(requests(TEXTS)),
        "prompt_tokens": [a.prompt_tokens for a in answers if isinstance(a, Answer)],
        "again": engine.run(requests(TEXTS[::-1]))[::-1] == answers,
    }
    long, odd = engine.run(requests(["river " * 400, "a\ud800b"]))
    found["long"] = long.reason if isinstance(long, Failure) else None
    found["odd"] = isinstance(odd, Answer)
    for name, given in {
        "language": {"source": "eng_Latn", "target": "tlh_Latn"},
        "source": {"source": "tlh_Latn"},
    }.items():
        try:
            Seq2SeqEngine(folder, **given).run(requests(TEXTS[:1]))
        except EngineError as error:
            found[name] = str(error)
    try:
        Seq2SeqEngine("/nowhere/at/all").run(requests(TEXTS[:1]))
    except EngineError as error:
        found["missing"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
