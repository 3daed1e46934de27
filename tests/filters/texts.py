"""Short texts in many scripts, and a reader of the shared data."""

import gzip
import json
import random
from pathlib import Path

TEXTS = {
    "eng_Latn": "Don't panic: the well-known value is 3.14, or 1,000 at most... Really?! See example.com/a_b.\n\nDon't panic.",
    "hin_Deva": "नमस्ते दुनिया! यह एक छोटा-सा वाक्य है। क्या आपको १२३ किताबें चाहिए?\nयह एक छोटा-सा वाक्य है॥",
    "tha_Thai": "วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะ 3 ชั่วโมง\nแล้วกลับบ้านด้วยรถไฟ BTS",
    "jpn_Jpan": "今日は天気がいいので、公園を散歩しました。コーヒーを2杯飲んだ！\nラーメンも食べたいです。",
    "cmn_Hani": "今天天气很好，我们去公园散步。你喝了2杯咖啡吗？𠮷野家也不错。",
    "kor_Hang": "오늘은 날씨가 좋아서 공원을 산책했습니다. 커피도 두 잔 마셨어요! 漢字",
    "arb_Arab": "الطقس جميل اليوم، فهل نذهب إلى الحديقة؟ نعم، بعد ٢٫٥ ساعة. مُمْتَاز",
    "pes_Arab": "امروز می‌خواهم به کتاب‌خانه بروم؛ هوا خوب است.",
    "urd_Arab": "آج موسم اچھا ہے۔ کیا ہم باغ میں چلیں؟",
    "amh_Ethi": "ዛሬ አየሩ ጥሩ ነው። ወደ መናፈሻ እንሂድ፧ አዎ፡ እንሂድ።",
    "khm_Khmr": "ថ្ងៃនេះអាកាសធាតុល្អណាស់។ យើងដើរលេងនៅសួនច្បារ៕",
    "mya_Mymr": "ဒီနေ့ရာသီဥတုသာယာတယ်။ ပန်းခြံကိုသွားကြမယ်။",
    "lao_Laoo": "ມື້ນີ້ອາກາດດີຫຼາຍ ພວກເຮົາໄປຍ່າງຫຼິ້ນ",
    "bod_Tibt": "དེ་རིང་གནམ་གཤིས་བཟང་པོ་འདུག །ང་ཚོ་འགྲོ།",
    "mal_Mlym": "ഇന്ന് നല്ല കാലാവസ്ഥയാണ്. അവന്‍ വന്നു; നമുക്ക് നടക്കാം!",
    "tam_Taml": "இன்று வானிலை நன்றாக உள்ளது. பூங்காவிற்குச் செல்லலாமா?",
    "ell_Grek": "Ο καιρός είναι ωραίος σήμερα· πάμε στο πάρκο; ΟΔΟΣ, οδός.",
    "rus_Cyrl": "Сегодня хорошая погода — пойдём в парк… Ёжик? «Да»!",
    "heb_Hebr": "מזג האוויר יפה היום. צה״ל וג׳ירפה, שָׁלוֹם!",
    "sat_Olck": "ᱱᱚᱣᱟ ᱫᱚ ᱢᱤᱫ ᱟᱹᱭᱟᱹᱛ ᱠᱟᱱᱟ᱾ ᱟᱨ ᱢᱤᱫ᱿",
    "mni_Mtei": "ꯃꯁꯤ ꯋꯥꯍꯩꯄꯔꯦꯡ ꯑꯃꯅꯤ꯫",
    "cat_Latn": "L'intel·ligència de l’home: col·labora! co-op, e\u0301te\u0301 Été",
}

EDGE_CASES = [
    "",
    " ",
    "\n",
    "\n\n",
    " \n \n",
    "a",
    "\na\n",
    "a\n\n\na\r\na\x0b\x1ca\u2028a\x85a",
    "- a\n • b\n-c...\nd… \n\te ...  \n....\n......",
    "\u200d\u0301\u00ad abc\u00ad def\u200d",
    "😂😂 👨‍👩‍👧 ✌️ ◌़ !!!!?? ---- ===",
    "1.2.3 1,000,000 1,,2 a.b a..b 'a' a'b' _a_ __a__",
    "\ufeff\u200btext\u200b\u2060more\u202e",
    "cannot can not " * 6,
    "a b c a b c a b c a b c a b c a b c d",
    "...." * 30,
    "x" * 500,
    "ab " * 200,
    "\u0e31\u0e34กก\u0e31 ー々〇Ⅷ½²",
    "#tag ## … ... .... #",
    "\U0010ffff\ue000\u0378 \ufffd",
]


def random_texts(count: int, seed: int) -> list[str]:
    """Texts of characters that matter, in random order: much that no writer would write."""
    generator = random.Random(seed)
    pieces = list(" \n\n\n\t\r.,…-•#'_·\u200d\u200c\u0301\u00ad1٣५aBé日本ひカー한ก็ា་།।。!😂\u2028")
    pieces += ["\n\n", "...", "ab", "  ", "the"]
    pieces += [chr(generator.randrange(0x20, 0x3000)) for _ in range(60)]
    pieces = [piece for piece in pieces if not "\ud800" <= piece <= "\udfff"]
    return ["".join(generator.choices(pieces, k=generator.randrange(120))) for _ in range(count)]


def read_jsonl(path: Path, limit: int, *, step: int = 1) -> list[dict]:
    """Every `step`-th record of a gzipped JSONL file, up to `limit`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for i, line in enumerate(lines) if i % step == 0][:limit]
