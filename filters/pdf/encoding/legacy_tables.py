"""Fonts with encodings of their own: their names, and what their codes stand for.

Codes are given as the Windows-1252 characters that PDFs show for them. Facts about glyphs, not text, so no licence.
"""

# Beginnings of font names, in small letters without what is no letter or digit (KrutiDev010 -> krutidev), and the table
# that converts them; "" where there is none that has been verified: such a page goes to OCR. A name alone proves
# nothing: usable.py also asks that the text is no language in its Latin letters.
FONTS: dict[str, str] = {
    # Devanagari
    **dict.fromkeys(("krutidev", "kruti", "devlys"), "kruti_dev"),
    **dict.fromkeys(
        ("chanakya", "walkman", "shusha", "susha", "shivaji", "shreedev", "aps", "dvb", "dvtt", "dvot"), ""
    ),
    **dict.fromkeys(("akruti", "kundli", "agra", "richa", "narad", "bhaskar", "naidunia", "jagran", "4cgandhi"), ""),
    **dict.fromkeys(
        ("sanskrit99", "xdvng", "surekh", "kiran", "millennium", "marathilekhani", "krishna", "preeti"), ""
    ),
    **dict.fromkeys(("himali", "kantipur", "sagarmatha", "himalb", "ganess", "annapurna"), ""),
    # TeX: dvng10, dvnc8 and so on of Velthuis, skt10 of Wikner. Velthuis's candrabindu is drawn by the code of the space
    # and its vowel signs of no width make spaces in the text layer, so that no table can restore the words
    **dict.fromkeys(("velthuis", "dvng", "dvnc", "dvnb", "dvpn", "dvps", "skt", "sktf", "sktb", "bnr1", "bnsl1"), ""),
    # Bengali and Assamese
    **dict.fromkeys(
        ("sutonnymj", "sutonny", "sushreemj", "bijoy", "chandrabatimj", "tonnymj", "karnaphulimj"), "bijoy"
    ),
    **dict.fromkeys(("boishakhi", "geetanjali", "luit", "ramdhenu", "shreeban", "shreeasm", "bangla1"), ""),
    # Tamil
    **dict.fromkeys(("tscii", "tscu", "tsc", "tscparanar", "tscavarangal"), "tscii"),
    **dict.fromkeys(("bamini", "baamini", "tab", "tam", "elango", "elcot", "vanavil", "shreetam", "lttm", "stmzh"), ""),
    # Gujarati, Gurmukhi, Odia, Telugu, Kannada, Malayalam, Sinhala
    **dict.fromkeys(("lmg", "gopika", "harikrishna", "ghanshyam", "saumil", "shreeguj", "nilkanth", "terafont"), ""),
    **dict.fromkeys(
        ("anmollipi", "gurbanilipi", "gurbaniakhar", "asees", "joy", "satluj", "gurmukhilys", "drchatrik"), ""
    ),
    **dict.fromkeys(("akrutiori", "sreelipi", "shreeori", "shreetel", "hemalatha", "tikkana", "vaartha", "eenadu"), ""),
    **dict.fromkeys(
        ("anupama", "priyaanka", "nudi", "baraha", "brh", "shreekan", "mltt", "mlw", "mlb", "mlkr", "mlsv"), ""
    ),
    **dict.fromkeys(
        ("fmabhaya", "fmmalithi", "fmemanee", "dlmanel", "dlaraliya", "kaputa", "thibus", "amaliemanel"), ""
    ),
    # Urdu by InPage, Vietnamese by TCVN3 and VNI, Lao, Amharic
    **dict.fromkeys(("noorin", "inpage", "nooriinpage", "vntime", "vnarial", "vni", "alicelao", "saysettha"), ""),
    **dict.fromkeys(("powergeez", "visualgeez", "geeznewab", "agafari"), ""),
}

# SutonnyMJ, the font of the Bijoy keyboard, by glyph. Left out are the codes that the published tables disagree about
BIJOY_ALONE = {
    **dict(zip("ABCDEFGHIJ", "অইঈউঊঋএঐওঔ", strict=True)),
    **dict(zip("KLMNOPQRSTUVWXYZ_`abcdefghijklmnrstu", "কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহৎংঃঁ", strict=True)),
    **dict(zip("0123456789", "০১২৩৪৫৬৭৮৯", strict=True)),
    **{"o": "ড়", "p": "ঢ়", "q": "য়", "|": "।", "Ô": "‘", "Õ": "’", "Ò": "“", "Ó": "”", "&": "্"},
    # Vowel signs; ‡ † w ‰ ˆ stand before their consonants
    **{"v": "া", "w": "ি", "x": "ী", "y": "ু", "z": "ু", "“": "ু", "æ": "ু", "~": "ূ", "‚": "ূ", "ƒ": "ূ"},
    **{"„": "ৃ", "…": "ৃ", "†": "ে", "‡": "ে", "ˆ": "ৈ", "‰": "ৈ", "Š": "ৗ"},
    # Halves: above or before what follows, below or behind what goes before
    **{"”": "চ্", "•": "ঙ্", "˜": "দ্", "™": "দ্", "š": "ন্", "›": "ন্", "¤": "ম্", "®": "ষ্", "¯": "স্"},
    **{"‹": "্ক", "Œ": "্ক্র", "—": "্ত", "Í": "্ত", "‘": "্তু", "’": "্থ", "œ": "্ন", "Ÿ": "্ব", "¡": "্ব"},
    **{"¦": "্ব", "^": "্ব", "¢": "্ভ", "£": "্ভ্র", "¥": "্ম", "§": "্ম", "¨": "্য", "ª": "্র", "«": "্র", "Ö": "্র"},
    **{"¬": "্ল", "\xad": "্ল", "ø": "্ল", "ú": "্প", "¿": "্ত্র"},
    # Conjuncts in one glyph
    **{"°": "ক্ক", "±": "ক্ট", "³": "ক্ত", "µ": "ক্র", "¶": "ক্ষ", "ÿ": "ক্ষ", "·": "ক্স", "¸": "গু", "»": "গ্ধ"},
    **{"¼": "ঙ্ক", "½": "ঙ্গ", "¾": "জ্জ", "À": "জ্ঝ", "Á": "জ্ঞ", "Â": "ঞ্চ", "Ã": "ঞ্ছ", "Ä": "ঞ্জ", "Å": "ঞ্ঝ"},
    **{"Æ": "ট্ট", "Ç": "ড্ড", "È": "ণ্ট", "É": "ণ্ঠ", "Ê": "ণ্ড", "Ë": "ত্ত", "Ì": "ত্থ", "Î": "ত্র", "Ï": "দ্দ"},
    **{"×": "দ্ধ", "Ø": "দ্ব", "Ù": "দ্ম", "Ú": "ন্ঠ", "Û": "ন্ড", "Ü": "ন্ধ", "Ý": "ন্স", "Þ": "প্ট", "ß": "প্ত"},
    **{"à": "প্প", "á": "প্স", "â": "ব্জ", "ã": "ব্দ", "ä": "ব্ধ", "å": "ভ্র", "ç": "ম্ফ", "é": "ল্ক", "ê": "ল্গ"},
    **{"ë": "ল্ট", "ì": "ল্ড", "í": "ল্প", "î": "ল্ফ", "ï": "শু", "ð": "শ্চ", "ò": "ষ্ণ", "ó": "ষ্ট", "ô": "ষ্ঠ"},
    **{"õ": "ষ্ফ", "ö": "স্খ", "÷": "স্ট", "ù": "স্ফ", "û": "হু", "ü": "হৃ", "ý": "হ্ন", "þ": "হ্ম"},
}

# TSCII 1.7 (registered with IANA as TSCII), 0x80 to 0xFD; 0xA0 and 0xA9 are as in Latin-1. " " separates
_TSCII = """
௦ ௧ ஸ்ரீ ஜ ஷ ஸ ஹ க்ஷ ஜ் ஷ் ஸ் ஹ் க்ஷ் ௨ ௩ ௪ ௫ ‘ ’ “ ” ௬ ௭ ௮ ௯ ஙு ஞு ஙூ ஞூ ௰ ௱ ௲
\u00a0 ா ி ீ ு ூ ெ ே ை © ௗ அ ஆ இ ஈ உ ஊ எ ஏ ஐ ஒ ஓ ஔ ஃ க ங ச ஞ ட ண த ந ப ம ய ர ல வ ழ ள ற ன
டி டீ கு சு டு ணு து நு பு மு யு ரு லு வு ழு ளு று னு கூ சூ டூ ணூ தூ நூ பூ மூ யூ ரூ லூ வூ ழூ ளூ றூ னூ
க் ங் ச் ஞ் ட் ண் த் ந் ப் ம் ய் ர் ல் வ் ழ் ள் ற் ன் இ
"""
TSCII: dict[int, str] = dict(enumerate(_TSCII.replace("\n", " ").strip(" ").split(" "), 0x80))

# Thai fonts of TeX and of old Windows set the tone marks over high vowels with codes that TIS-620 leaves free
THAI_SHIFTED = {0x81: "ิ", 0x82: "ี", 0x88: "่", 0x89: "้", 0x8B: "่", 0x8C: "้", 0x9A: "็"}
