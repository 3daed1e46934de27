"""Letter-for-letter schemes (ISO 15919, IAST, ITRANS ...) for the Brahmic scripts, through indic-transliteration.

Everything goes through Devanagari, the script that the package knows best: as its sources the others leak (letters with
a nukta, chillu, Tamil stops and n, joiners). A letter that a scheme has no sign for is written as its nearest neighbour.
"""

from functools import cache

from translate.romanization import brahmic

SCHEMES = (
    "iso", "iast", "itrans", "hk", "slp1", "wx", "velthuis", "optitrans",
    "itrans_lowercase", "kolkata_v2", "titus", "baraha",
)  # fmt: skip

# The next best letter where a scheme has none
_NEAREST = brahmic.pairs("""
ऄ:अ ऑ:ओ ॉ:ो ऍ:ए ॅ:े ॲ:ऍ ॎ:े ऻ:ा ऺ:ो ॳ:ओ ॴ:आ ॵ:औ ॏ:ौ ॶ:उ ॷ:ऊ ॖ:ु ॗ:ू ॕ:े ऒ:ओ ॊ:ो ऎ:ए ॆ:े ळ:ल ॸ:ड ॹ:झ ॺ:य ॻ:ग ॼ:ज ॾ:ड ॿ:ब
\u0929:न \u0931:र \u0934:ळ \u0958:क \u0959:ख \u095a:ग \u095b:ज \u095c:ड \u095d:ढ \u095e:फ \u095f:य ॠ:ऋ ॡ:ऌ ॄ:ृ ॣ:ॢ ॢ:ृ ऌ:ऋ ँ:ं ऽ:
""")


def _transliterate(text: str, scheme: str) -> str:
    from indic_transliteration import sanscript

    return str(sanscript.transliterate(text, sanscript.DEVANAGARI, scheme))


def _is_native(letter: str) -> bool:
    return "\u0900" <= letter <= "\u097f"


@cache
def _substitutes(scheme: str) -> dict[int, str]:
    """For `str.translate`: the letters that the scheme leaves as they are -> letters that it knows."""
    found = {}
    for letter in _NEAREST:
        known = letter
        while known and any(map(_is_native, _transliterate("क" + known, scheme))):
            known = _NEAREST.get(known, "")
        if known != letter:
            found[ord(letter)] = known
    return found


def spell(words: list[str], script: str, scheme: str) -> list[str]:
    """Each word of a Brahmic script in one of `SCHEMES`."""
    if not words:
        return []
    letters = "\n".join(brahmic.devanagari(word, script) for word in words)
    found = _transliterate(letters.translate(_substitutes(scheme)), scheme)
    return found.translate(brahmic.LETTERLESS).split("\n")
