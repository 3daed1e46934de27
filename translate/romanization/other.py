"""Scripts without rules of their own: uroman for all, but for two that it reads from character names."""

import re
from functools import cache
from typing import Any

from translate.romanization.brahmic import pairs

_OL_CHIKI = pairs("""
ᱚ:o ᱛ:t ᱜ:g ᱝ:ng ᱞ:l ᱟ:a ᱠ:k ᱡ:j ᱢ:m ᱣ:w ᱤ:i ᱥ:s ᱦ:h ᱧ:ny ᱨ:r ᱩ:u ᱪ:ch ᱫ:d ᱬ:n ᱭ:y ᱮ:e ᱯ:p ᱰ:d ᱱ:n ᱲ:r ᱳ:o ᱴ:t ᱵ:b ᱶ:w ᱷ:h
ᱸ:n ᱺ:n ᱼ:-
""")
_MEETEI = pairs("""
ꯀ:k ꯁ:s ꯂ:l ꯃ:m ꯄ:p ꯅ:n ꯆ:ch ꯇ:t ꯈ:kh ꯉ:ng ꯊ:th ꯋ:w ꯌ:y ꯍ:h ꯎ:u ꯏ:i ꯐ:ph ꯑ:a ꯒ:g ꯓ:jh ꯔ:r ꯕ:b ꯖ:j ꯗ:d ꯘ:gh ꯙ:dh ꯚ:bh
ꯛ:k ꯜ:l ꯝ:m ꯞ:p ꯟ:n ꯠ:t ꯡ:ng ꯢ:i ꯣ:o ꯤ:i ꯥ:a ꯦ:e ꯧ:ou ꯨ:u ꯩ:ei ꯪ:ng
""")
_MEETEI_BARE = re.compile("([ꯀ-ꯍꯐꯒ-ꯚ])(?![ꯣ-ꯩ꯭])")  # an inherent vowel is spoken
_MEETEI_CARRIER = re.compile("ꯑ(?=[ꯣ-ꯩ])")  # the letter a only bears the sign


def _ol_chiki(word: str) -> str:
    return "".join(_OL_CHIKI.get(letter, "") for letter in word)


def _meetei(word: str) -> str:
    word = _MEETEI_BARE.sub(r"\1ꯥ", _MEETEI_CARRIER.sub("", word))
    return "".join(_MEETEI.get(letter, "") for letter in word)


@cache
def _uroman() -> Any:
    from uroman import Uroman

    return Uroman()  # seconds


def spell(words: list[str], language: str, script: str) -> list[str]:
    """Each word in Latin letters; words are short (uroman takes 50 microseconds a character)."""
    own = {"Olck": _ol_chiki, "Mtei": _meetei}.get(script)
    if own:
        return [own(word) for word in words]
    return [str(_uroman().romanize_string(word, lcode=language)) for word in words]
