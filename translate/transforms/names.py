"""What languages are called: in English, and by those who speak them."""

from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from filters.columns import label
from filters.labels import canonical, usual_script

Naming = Literal["english", "native"]
NAMINGS: tuple[str, ...] = get_args(Naming)


class Name(NamedTuple):
    """Both names of a language."""

    english: str
    native: str


_NAMES = """
afr Afrikaans|Afrikaans
amh Amharic|አማርኛ
arb Arabic|العربية
asm Assamese|অসমীয়া
awa Awadhi|अवधी
azj Azerbaijani|Azərbaycan dili
bel Belarusian|Беларуская
ben Bengali|বাংলা
bho Bhojpuri|भोजपुरी
bod Tibetan|བོད་སྐད་
bos Bosnian|Bosanski
brx Bodo|बर'
bul Bulgarian|Български
cat Catalan|Català
ceb Cebuano|Cebuano
ces Czech|Čeština
ckb Central Kurdish|کوردیی ناوەندی
cmn Chinese|中文
cym Welsh|Cymraeg
dan Danish|Dansk
deu German|Deutsch
doi Dogri|डोगरी
ekk Estonian|Eesti
ell Greek|Ελληνικά
eng English|English
epo Esperanto|Esperanto
eus Basque|Euskara
fas Persian|فارسی
fil Filipino|Filipino
fin Finnish|Suomi
fra French|Français
gaz Oromo|Afaan Oromoo
gle Irish|Gaeilge
glg Galician|Galego
gom Konkani|कोंकणी
guj Gujarati|ગુજરાતી
hau Hausa|Hausa
heb Hebrew|עברית
hin Hindi|हिन्दी
hrv Croatian|Hrvatski
hun Hungarian|Magyar
hye Armenian|Հայերեն
ibo Igbo|Asụsụ Igbo
ind Indonesian|Bahasa Indonesia
isl Icelandic|Íslenska
ita Italian|Italiano
jav Javanese|Basa Jawa
jpn Japanese|日本語
kan Kannada|ಕನ್ನಡ
kas Kashmiri|کٲشُر
kat Georgian|ქართული
kaz Kazakh|Қазақ тілі
khk Mongolian|Монгол
khm Khmer|ភាសាខ្មែរ
kin Kinyarwanda|Ikinyarwanda
kir Kyrgyz|Кыргызча
kor Korean|한국어
lao Lao|ລາວ
lat Latin|Latina
lin Lingala|Lingála
lit Lithuanian|Lietuvių
lug Luganda|Luganda
lvs Latvian|Latviešu
mag Magahi|मगही
mai Maithili|मैथिली
mal Malayalam|മലയാളം
mar Marathi|मराठी
mkd Macedonian|Македонски
mlt Maltese|Malti
mni Manipuri|মৈতৈলোন্
mya Burmese|မြန်မာဘာသာ
nld Dutch|Nederlands
nno Norwegian Nynorsk|Norsk nynorsk
nob Norwegian Bokmål|Norsk bokmål
npi Nepali|नेपाली
nya Chichewa|Chichewa
ory Odia|ଓଡ଼ିଆ
pan Punjabi|ਪੰਜਾਬੀ
pbt Pashto|پښتو
plt Malagasy|Malagasy
pnb Western Punjabi|پنجابی
pol Polish|Polski
por Portuguese|Português
ron Romanian|Română
run Rundi|Ikirundi
rus Russian|Русский
san Sanskrit|संस्कृतम्
sat Santali|ᱥᱟᱱᱛᱟᱲᱤ
sin Sinhala|සිංහල
slk Slovak|Slovenčina
slv Slovenian|Slovenščina
sna Shona|chiShona
snd Sindhi|سنڌي
som Somali|Soomaali
sot Sesotho|Sesotho
spa Spanish|Español
als Albanian|Shqip
srp Serbian|Српски
sun Sundanese|Basa Sunda
swe Swedish|Svenska
swh Swahili|Kiswahili
tam Tamil|தமிழ்
tat Tatar|Татарча
tel Telugu|తెలుగు
tgk Tajik|Тоҷикӣ
tha Thai|ไทย
tir Tigrinya|ትግርኛ
tuk Turkmen|Türkmençe
tur Turkish|Türkçe
uig Uyghur|ئۇيغۇرچە
ukr Ukrainian|Українська
urd Urdu|اردو
uzn Uzbek|Oʻzbekcha
vie Vietnamese|Tiếng Việt
wol Wolof|Wolof
xho Xhosa|isiXhosa
ydd Yiddish|ייִדיש
yor Yoruba|Yorùbá
yue Cantonese|粵語
zsm Malay|Bahasa Melayu
zul Zulu|isiZulu
"""
NAMES = MappingProxyType({line[:3]: Name(*line[4:].split("|")) for line in _NAMES.split("\n") if line})
_SCRIPTS = MappingProxyType(
    {
        "Latn": "Latin",
        "Deva": "Devanagari",
        "Arab": "Arabic",
        "Cyrl": "Cyrillic",
        "Mtei": "Meetei Mayek",
        "Beng": "Bengali",
    }
)


def known(language: str) -> str:
    """The language as hin_Deva. ValueError that names those with names, for any other."""
    code, script = canonical(language)
    if code not in NAMES:
        raise ValueError(f"no name for language {language!r}; there are names for {', '.join(sorted(NAMES))}")
    return label(code, script)


def name(language: str, naming: Naming = "english") -> str:
    """Hindi or हिन्दी; a script that is not the usual one is named in English: Hindi (Latin script)."""
    code, _, script = known(language).partition("_")
    if naming not in NAMINGS:
        raise ValueError(f"naming is {naming!r}; it can be {' or '.join(NAMINGS)}")
    called: str = getattr(NAMES[code], naming)
    return called if script == usual_script(code) else f"{called} ({_SCRIPTS.get(script, script)} script)"


def known_pair(source: str, target: str) -> tuple[str, str]:
    """Both as hin_Deva. ValueError for a language without a name, or twice the same."""
    pair = known(source), known(target)
    if pair[0] == pair[1]:
        raise ValueError(f"source and target are both {pair[0]}; name two languages of {', '.join(sorted(NAMES))}")
    return pair
