"""What models write around a translation, or in its place: words and phrases by language, as data.

A phrase counts only where the source says nothing of the kind in any of these languages, so a text about translating,
or a line in which somebody says that he is sorry, is no false alarm.
"""

import re
from functools import cache

# "Translation", "translated": stems, which may stand anywhere in a word
_TRANSLATION = {
    "en": "translat",
    "af nl": "vertal vertaling",
    "sq": "përkthim",
    "am ti": "ትርጉም ትርጓሜ",
    "ar fa ckb ur ps sd ug": "ترجمہ ترجمة ترجمه الترجمة تەرجىم وەرگێڕان ژباړه",
    "hy": "թարգման",
    "as bn": "অনুবাদ",
    "az tr tk": "tərcümə çeviri çevrilmiş terjime",
    "eu ca gl es pt it ro oc fr": "itzulp traducc traduç traduz traduction traduit traduzion traducere traducció",
    "be bg mk ru sr uk kk ky tg tt mn": "перевод перевед пераклад превод превед переклад аударма котормо тарҷума тәрҗемә орчуулга",
    "bs hr sl sr": "prijevod prevod preved",
    "cs sk pl": "překlad preklad tłumacz przekład",
    "da nb sv nn": "oversæt oversett översätt omsetjing",
    "de": "übersetz",
    "el": "μετάφρ μεταφρ",
    "et fi hu": "tõlge käännö käänne käänty fordítás",
    "ka": "თარგმან",
    "gu hi mr ne sa mai": "અનુવાદ ભાષાંતર अनुवाद भाषांतर भाषान्तर",
    "he yi": "תרגום איבערזעצונג",
    "ha ig so sw yo zu xh": "fassara ntụgharị tarjum tafsiri fasiri ìtumọ̀ ukuhumusha inguqulelo",
    "id ms jv su tl": "terjemah pagsasalin salin",
    "is": "þýðing",
    "ja": "翻訳 訳文 和訳",
    "kn ml ta te": "ಅನುವಾದ വിവർത്തന തർജ്ജമ പരിഭാഷ மொழிபெயர் మொழிபெயర்ப்பு అనువాద",
    "km lo th my": "ការបកប្រែ ការ​បកប្រែ ຄຳແປ ການແປ คำแปล การแปล แปลเป็น ဘာသာပြန်",
    "ko": "번역",
    "lt lv": "vertim tulkoj",
    "or pa si": "ଅନୁବାଦ ਅਨੁਵਾਦ ਤਰਜਮਾ පරිවර්තන",
    "uz": "tarjima таржима",
    "vi": "bản dịch dịch sang",
    "zh": "翻译 翻譯 译文 譯文 译为 譯為",
    "bo": "ཡིག་སྒྱུར་",
}

# A model that speaks of itself: needs no look at the source
_MODEL = {
    "en": "as an (?-i:AI)\\b|as a language model|AI language model|I (?:can(?:no|'|’)t|am unable to|won(?:'|’)t|can not) translate"
    "|I(?:'|’)?m (?:sorry|unable|not able)[^.]{0,30} translat|can(?:no|'|’)t (?:assist|help) with th|please provide the text",
    "es": "como (?:una? )?(?:(?-i:IA)\\b|modelo de lenguaje|inteligencia artificial)|no puedo traducir",
    "fr": "en tant qu(?:'|’)(?:(?-i:IA)\\b|intelligence artificielle)|en tant que modèle|ne peux pas traduire",
    "de": "als (?:(?-i:KI)\\b|Sprachmodell|künstliche Intelligenz)|kann (?:das|diesen Text|dies) nicht übersetzen",
    "pt": "como (?:uma )?(?:(?-i:IA)\\b|modelo de linguagem|inteligência artificial)|não posso traduzir",
    "it": "come (?:(?-i:IA)\\b|modello linguistico|intelligenza artificiale)|non posso tradurre",
    "nl": "als (?:(?-i:AI)\\b|taalmodel)|kan (?:dit|deze tekst) niet vertalen",
    "pl": "jako (?:(?-i:AI)\\b|model językowy|sztuczna inteligencja)|nie mogę przetłumaczyć",
    "ru": "как (?:ИИ|языковая модель|искусственный интеллект)|не могу перевести",
    "uk": "як (?:ШІ|мовна модель)|не можу перекласти",
    "tr": "bir (?:yapay zek[aâ]|dil modeli) olarak|çeviremem",
    "id": "sebagai (?:(?-i:AI)\\b|model bahasa|kecerdasan buatan)|tidak (?:bisa|dapat) menerjemahkan",
    "sw": "kama (?:(?-i:AI)\\b|modeli ya lugha|akili bandia)|siwezi kutafsiri",
    "vi": "là một (?:(?-i:AI)\\b|mô hình ngôn ngữ|trí tuệ nhân tạo)|không thể dịch",
    "hi": "एक (?:एआई|(?-i:AI)|भाषा मॉडल)[^।]{0,20} के रूप में|अनुवाद नहीं कर सक",
    "bn": "একটি (?:এআই|(?-i:AI)|ভাষা মডেল)[^।]{0,20} হিসেবে|অনুবাদ করতে পারছি না|অনুবাদ করতে পারি না",
    "ta": "மொழிபெயர்க்க (?:முடியாது|இயலாது)|(?:(?-i:AI)|மொழி) மாதிரியாக",
    "te": "అనువదించలేను|(?:(?-i:AI)|భాషా) నమూనాగా",
    "ar": "بصفتي (?:نموذج|ذكاء)|كنموذج لغوي|لا (?:أستطيع|يمكنني) (?:ترجمة|أن أترجم)",
    "fa": "به عنوان (?:یک )?(?:هوش مصنوعی|مدل زبانی)|نمی.?توانم (?:این متن را )?ترجمه",
    "ur": "ترجمہ نہیں کر سکت",
    "zh": "作为(?:一个|一款)?(?:(?-i:AI)|人工智能|语言模型)|作為(?:一個)?(?:(?-i:AI)|人工智慧|語言模型)|无法(?:为您)?翻译|無法翻譯|不能翻译",
    "ja": "(?:(?-i:AI)|言語モデル)として|翻訳(?:することは)?できません",
    "ko": "(?:(?-i:AI)|인공지능|언어 모델)(?:로서|으로서)|번역할 수 없",
    "th": "ในฐานะ(?:ที่เป็น)? ?(?:(?-i:AI)|โมเดลภาษา)|ไม่สามารถแปล",
}

# How a "no" begins: `answers` at the beginning of a translation, unless the source has one of `sources`
_REGRET = {
    "en": "I(?:'|’)?m (?:very )?sorry|I am (?:very )?sorry|sorry, (?:but )?I|I apologi[sz]e|I can(?:no|'|’)t|I(?:'|’)m unable|I am unable"
    "|I must decline|I won(?:'|’)t be able",
    "es ca": "lo siento|no puedo|ho sento|no puc\\b",
    "fr": "(?:je suis )?désolée?|je ne peux pas",
    "de": "(?:es )?tut mir leid|entschuldigung|ich kann (?:das |dies |diese[nrs]? \\w+ )?(?:leider )?nicht",
    "pt": "desculpe|sinto muito|lamento\\b|não posso",
    "it": "mi dispiace|non posso",
    "nl": "het spijt me|sorry, (?:maar )?ik|ik kan (?:dit |dat )?niet",
    "pl": "przykro mi|przepraszam|nie mogę",
    "cs sk": "omlouvám se|je mi líto|nemohu|ospravedlňujem sa",
    "ru uk": "извините|простите|к сожалению, я|я не могу|вибачте|на жаль, я|я не можу",
    "sv da nb": "jag är ledsen|jag kan (?:tyvärr )?inte|jeg beklager|beklager|jeg kan (?:desværre |dessverre )?ikke|undskyld",
    "fi hu": "valitettavasti en|olen pahoillani|sajnálom|nem tudok",
    "el": "λυπάμαι|δεν μπορώ",
    "ro": "îmi pare rău|nu pot\\b",
    "tr": "üzgünüm|özür dilerim",
    "id ms": "maaf\\b|maafkan",
    "sw": "samahani|siwezi|pole, ",
    "vi": "(?:tôi )?xin lỗi|tôi không thể",
    "hi mr ne": "(?:मुझे )?(?:क्षमा|माफ़|माफ़|माफ) (?:कर|चाह)|मुझे खेद है|मैं यह नहीं कर|माफ करा|माफ गर्नुहोस्",
    "bn": "দুঃখিত|(?:আমাকে )?ক্ষমা কর",
    "ta te": "மன்னிக்க|என்னால் (?:இதை )?முடியாது|క్షమించ",
    "ar fa ur": "(?:أنا )?آسف|عذرا|معذرة|متأسف|ببخشید|معذرت",
    "zh": "抱歉|对不起|對不起|很遗憾|我无法|我無法",
    "ja": "申し訳|すみませんが|恐れ入りますが",
    "ko": "죄송|미안하지만",
    "th": "ขออภัย|ขอโทษ",
}
_SORRY = "sorry|apolog|regret|pardon|excuse me|forgive|can(?:no|'|’)t|can not|could(?:n(?:'|’)t| not)|unable|not able|won(?:'|’)t|unfortunately|decline|afraid"

_BEFORE = 90  # characters, at most, of a line that introduces a translation
_INTRODUCTION = re.compile(rf"\A[^:：\n]{{1,{_BEFORE}}}[:：]")
_OPENING = re.compile(  # needs no word for a translation: what follows is announced
    r"\A\W{0,4}(?:sure|certainly|of course|okay|absolutely|gladly)\b[^\n]{0,20}\b(?:here(?:'|’)?s|here is|here are)\b",
    re.IGNORECASE,
)
_NOTE = re.compile(r"[(\[*\n]\W{0,3}(?:translator(?:'|’)s )?note\W{0,3}:", re.IGNORECASE)
_SOURCE_NOTE = re.compile(r"\bnotes?\b", re.IGNORECASE)
_SOURCE = 20_000  # characters of it that are looked at
_BEGINNING = 150  # characters in which a refusal shows


def _any(phrases: dict[str, str]) -> str:
    return "|".join(phrases.values())


@cache
def _translation() -> re.Pattern[str]:
    """A stem of any language; where a script has capitals, at the beginning of a word."""
    stems = sorted({stem for each in _TRANSLATION.values() for stem in each.split()}, key=len, reverse=True)
    cased = [re.escape(stem) for stem in stems if stem.upper() != stem.lower()]
    others = [re.escape(stem) for stem in stems if stem.upper() == stem.lower()]
    return re.compile(rf"\b(?:{'|'.join(cased)})|{'|'.join(others)}", re.IGNORECASE)


@cache
def _model() -> re.Pattern[str]:
    return re.compile(_any(_MODEL), re.IGNORECASE)


@cache
def _regret() -> re.Pattern[str]:
    return re.compile(rf"\A\W{{0,4}}(?:{_any(_REGRET)})", re.IGNORECASE)


@cache
def _regret_of_source() -> re.Pattern[str]:
    return re.compile(f"{_SORRY}|{_any(_REGRET)}", re.IGNORECASE)


def preamble(source: str, answer: str) -> str:
    """The words that announce a translation or comment on it; empty where there are none."""
    source = source[:_SOURCE]
    introduction = _INTRODUCTION.match(answer)
    if introduction and _translation().search(introduction[0]) and not _translation().search(source):
        return introduction[0]
    if opening := _OPENING.match(answer):
        return opening[0]
    note = _NOTE.search(answer)
    return note[0].strip() if note and not _SOURCE_NOTE.search(source) else ""


def refusal(source: str, answer: str) -> str:
    """The words with which a model says no; empty where there are none."""
    source, beginning = source[:_SOURCE], answer[:_BEGINNING]
    if (spoken := _model().search(beginning)) and not _model().search(source):
        return spoken[0]
    regret = _regret().match(beginning)
    return regret[0].strip() if regret and not _regret_of_source().search(source) else ""
