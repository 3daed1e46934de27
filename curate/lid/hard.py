"""Hard negatives: training text that a first model takes for a close relative of its language, shown to it again.

Measured on held-out text against the same training without (languages of a group: sentences, mean F1 before and
after): hrv srp bos slv 0.621 to 0.707; kin run 0.872 to 0.940; xho zul nde ssw 0.803 to 0.844; spa glg por cat oci
0.930 to 0.960; ces slk 0.930 to 0.958; ind zsm jav sun 0.692 to 0.713; cmn yue 0.898 to 0.910; Cyrillic Slavic 0.977 to
0.987, Turkic 0.977 to 0.984; fas prs urd snd pbt 0.922 to 0.928; romanized Indic 0.859 to 0.864; dan nob nno swe 0.884
to 0.885; hin mar npi bho 0.999 to 1.000. One group it did not help and isn't below: nso tsn sot (0.939 to 0.934).
"""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from curate.lid.sampling import TrainingOptions, budgets, varied, window
from filters.labels import PREFIX
from filters.language import prepare

CLOSE: tuple[frozenset[str], ...] = tuple(
    frozenset(group.split())
    for group in (
        "hin_Deva mar_Deva npi_Deva bho_Deva mai_Deva",
        "urd_Arab pnb_Arab snd_Arab pbt_Arab fas_Arab prs_Arab",
        "hin_Latn urd_Latn mar_Latn guj_Latn ben_Latn snd_Latn",
        "ind_Latn zsm_Latn jav_Latn sun_Latn",
        "hrv_Latn srp_Latn bos_Latn slv_Latn",
        "spa_Latn glg_Latn por_Latn cat_Latn oci_Latn",
        "dan_Latn nob_Latn nno_Latn swe_Latn",
        "ces_Latn slk_Latn",
        "xho_Latn zul_Latn nde_Latn ssw_Latn",
        "kin_Latn run_Latn",
        "cmn_Hani yue_Hani",
        "bel_Cyrl rus_Cyrl ukr_Cyrl bul_Cyrl mkd_Cyrl srp_Cyrl",
        "kaz_Cyrl kir_Cyrl tat_Cyrl bak_Cyrl",
    )
)
REPEATS = 2  # of each confused window in the second training
_SEARCHED = 2.0  # characters looked through, of what a language is sampled for
_FOUND = 0.5  # characters taken at most
_LONGEST = 400  # characters of a window: long ones are hardly ever confused
_SHORTEST = 20
_BATCH = 500


def _windows(texts: list[str], budget: float, chance: random.Random) -> Iterator[str]:
    """Pieces of a language's texts, of `budget` characters in all."""
    lengths = [len(text) for text in texts]
    while budget > 0:
        piece = varied(window(chance.choices(texts, lengths)[0], _LONGEST, chance), chance)
        budget -= len(piece) + 1
        if len(piece) >= _SHORTEST:
            yield prepare(piece)


def _confused(model: Any, name: str, close: frozenset[str], windows: Iterator[str], most: float) -> list[str]:
    """Lines of the windows that the model takes for another language of the group, of about `most` characters."""
    found: list[str] = []
    while most > 0 and (batch := list(islice(windows, _BATCH))):
        answers, _ = model.predict(batch)
        for text, answer in zip(batch, answers, strict=True):
            taken = answer[0].removeprefix(PREFIX) if answer else name
            if taken != name and taken in close:
                found.append(f"{PREFIX}{name} {text}\n")
                most -= len(text) + 1
    return found


def hard_negatives(model: Any, texts: dict[str, list[str]], options: TrainingOptions) -> list[str]:
    """Lines for fastText, each once: pieces of training text that `model`, trained on it, confuses within `CLOSE`."""
    chance = random.Random(options.seed + 1)
    budget = budgets({name: sum(map(len, kept)) for name, kept in texts.items()}, options)
    lines = []
    for group in CLOSE:
        present = sorted(group & set(texts))
        for name in present if len(present) > 1 else ():
            windows = _windows(texts[name], _SEARCHED * budget[name], chance)
            lines += _confused(model, name, group, windows, _FOUND * budget[name])
    return lines
