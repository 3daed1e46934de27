"""Any language label -> (ISO 639-3, ISO 15924), spelled as FineWeb-2 names its configs, so that its cutoffs apply.

Macrolanguages become the individual language that FineWeb-2 and GlotLID use: `ar` is `arb`, `zh` is `cmn`. Where
FineWeb-2 keeps the wider code, so do we: `pes` is `fas`, `tgl` is `fil`. The country is dropped: `pt-BR` is `por`.
"""

import re
from functools import lru_cache

from filters.columns import UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT
from filters.scripts import SCRIPT_INDEX

UNKNOWN = (UNKNOWN_LANGUAGE, UNKNOWN_SCRIPT)
PREFIX = "__label__"
_LONGEST_LABEL = 64  # characters; keeps what may be anything out of the cache
_LABEL = re.compile(r"[a-z]{2,3}(?:[-_#][a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


# ISO 639-1 and Wikipedia's codes -> ISO 639-3
_SHORT = _pairs("""
aa:aar ab:abk af:afr ak:twi am:amh an:arg ar:arb as:asm av:ava ay:ayr az:azj ba:bak be:bel bg:bul bh:bho bi:bis bm:bam
bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:crk cs:ces cu:chu cv:chv cy:cym da:dan de:deu dv:div dz:dzo
ee:ewe el:ell en:eng eo:epo es:spa et:ekk eu:eus fa:fas ff:fuv fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg
gn:gug gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye ia:ina id:ind ie:ile ig:ibo ii:iii ik:esk
in:ind io:ido is:isl it:ita iu:ike iw:heb ja:jpn ji:ydd jv:jav jw:jav ka:kat kg:kng ki:kik kj:kua kk:kaz kl:kal km:khm
kn:kan ko:kor kr:knc ks:kas ku:kmr kv:kpv kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lvs
mg:plt mh:mah mi:mri mk:mkd ml:mal mn:khk mo:ron mr:mar ms:zsm mt:mlt my:mya na:nau nb:nob nd:nde ne:npi ng:ndo nl:nld
nn:nno no:nob nr:nbl nv:nav ny:nya oc:oci oj:ojb om:gaz or:ory os:oss pa:pan pi:pli pl:pol ps:pbt pt:por qu:quy rm:roh
rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag sh:hbs si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:als
sr:srp ss:ssw st:sot su:sun sv:swe sw:swh ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:fil tn:tsn to:ton tr:tur ts:tso
tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzn ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:ydd yo:yor za:zyb zh:cmn
zu:zul
""")

# ISO 639-3 macrolanguages, retired codes and near-synonyms -> the code used here
_INDIVIDUAL = _pairs("""
aka:twi ara:arb aym:ayr aze:azj bal:bcc bih:bho bik:bcl bua:bxr chi:cmn chm:mhr cre:crk din:dik est:ekk ful:fuv
grn:gug hmn:mww iku:ike ipk:esk kau:knc knn:gom kok:gom kom:kpv kon:kng kur:kmr lah:pnb lav:lvs mlg:plt mol:ron mon:khk
msa:zsm nep:npi nor:nob oji:ojb ori:ory orm:gaz pbu:pbt pes:fas pst:pbt pus:pbt que:quy src:srd sqi:als swa:swh syr:aii
tgl:fil uzb:uzn yid:ydd zha:zyb zho:cmn zlm:zsm zza:diq
""")

# fastText labels without a script follow Wikipedia's codes where these differ from ISO 639-3 (lid.176)
_WIKIPEDIA = _pairs("als:gsw nah:nhn")

_CHINESE = frozenset({"cmn", "gan", "hak", "hsn", "lzh", "nan", "wuu", "yue"})  # zh-yue (BCP 47) is yue

# Another script, another language: FineWeb-2 files these apart
_BY_SCRIPT = {
    ("azj", "Arab"): "azb",
    ("kmr", "Arab"): "ckb",
    ("khk", "Mong"): "mvf",
    ("pan", "Arab"): "pnb",
    ("uzn", "Arab"): "uzs",
}

_SCRIPT_ALIASES = _pairs(
    "Hans:Hani Hant:Hani Hira:Jpan Kana:Jpan Hrkt:Jpan Kore:Hang Latf:Latn Aran:Arab Olch:Olck Meti:Mtei"
)

# Scripts a language is taken to be in when neither label nor text says so; any other language: Latn
_USUAL_LANGUAGES = {
    "Arab": "acm aeb ajp apc arb arq ars ary arz azb bcc ckb fas glk hac kas lki lrc mey mzn ota pbt pnb prs sdh shu skr snd"
    " uig urd uzs",
    "Armn": "hye hyw",
    "Beng": "asm ben bpy mni",
    "Cans": "crk csw ike ojb",
    "Cher": "chr",
    "Copt": "cop",
    "Cyrl": "abk abq ady alt ava bak bel bul bxr che chu chv dar inh kaz kbd khk kir kjh koi kpv krc kum lbe lez mdf mhr"
    " mkd mrj myv nog oss rue rus sah srp tab tat tgk tyv udm ukr xal yrk",
    "Deva": "anp awa bgc bho brx doi dty gom hin hne kru lif mag mai mar new npi rjs san thl",
    "Ethi": "amh gez tig tir",
    "Geor": "kat xmf",
    "Grek": "ell grc pnt",
    "Gujr": "guj",
    "Guru": "pan",
    "Hang": "kor",
    "Hani": "cmn gan hak hsn lzh wuu yue",
    "Hebr": "hbo heb ydd",
    "Jpan": "jpn",
    "Khmr": "khm",
    "Knda": "kan tcy",
    "Laoo": "lao",
    "Lisu": "lis",
    "Mlym": "mal",
    "Mong": "mvf",
    "Mymr": "blk ksw mnw mya shn",
    "Nkoo": "nqo",
    "Olck": "sat",
    "Orya": "ory",
    "Sinh": "sin",
    "Syrc": "aii",
    "Taml": "tam",
    "Telu": "tel",
    "Tfng": "tzm zgh",
    "Thaa": "div",
    "Thai": "nod tha",
    "Tibt": "bod dzo",
    "Yiii": "iii",
}
_USUAL_SCRIPT = {language: script for script, languages in _USUAL_LANGUAGES.items() for language in languages.split()}

# Composite scripts of ISO 15924: the scripts of the code points that write them
MEMBERS: dict[str, tuple[str, ...]] = {
    "Jpan": ("Hira", "Kana", "Hani"),
    "Hang": ("Hang", "Hani"),
    "Hani": ("Hani", "Bopo"),
}
_EAST_ASIAN = frozenset({"Hani", "Jpan", "Hang"})


def usual_script(language: str) -> str:
    """ISO 15924 of the script that most web text in `language` (a code as `canonical` returns it) is written in."""
    return _USUAL_SCRIPT.get(language, "Latn")


def _script(part: str) -> str | None:
    script = _SCRIPT_ALIASES.get(part.capitalize(), part.capitalize())
    return script if script in SCRIPT_INDEX or script in MEMBERS else None


def _language(code: str, *, wikipedia: bool) -> str:
    if len(code) == 2:
        return _SHORT.get(code, UNKNOWN_LANGUAGE)
    if wikipedia and code in _WIKIPEDIA:
        return _WIKIPEDIA[code]
    return _INDIVIDUAL.get(code, code)


def _written_script(language: str, stated: str | None, seen: str | None) -> str:
    """Of the label's own script, the text's and the usual one, the first that is known and can be."""
    usual = usual_script(language)
    if stated:
        return stated
    if not seen or seen == UNKNOWN_SCRIPT or {seen, usual} <= _EAST_ASIAN:  # Japanese without kana is still Jpan
        return usual
    return seen


def canonical(label: str, script: str | None = None) -> tuple[str, str]:
    """(ISO 639-3, ISO 15924) of a language label in any usual spelling; ("und", "Zzzz") if it is none.

    Reads fastText labels with or without prefix (lid.176, GlotLID, OpenLID, NLLB, IndicLID), ISO 639-1 and -3, BCP 47.
    `script` is what the text itself is written in (ISO 15924), used where the label names no script.
    Both parts are safe as folder names: they match [a-z]{3} and [A-Z][a-z]{3}.
    """
    return UNKNOWN if len(label) > _LONGEST_LABEL else _canonical(label, script)


@lru_cache(maxsize=65536)
def _canonical(label: str, script: str | None) -> tuple[str, str]:
    name = label.removeprefix(PREFIX)
    if not _LABEL.fullmatch(name):
        return UNKNOWN
    code, *parts = re.split("[-_#]", name)
    if code == "zh" and parts and parts[0] in _CHINESE:
        code = parts[0]
    scripts = [part for part in parts if len(part) == 4 and part.isalpha()]
    stated = _script(scripts[0]) if scripts else None
    language = _language(code.lower(), wikipedia=label.startswith(PREFIX) and not scripts)
    if (scripts and not stated) or language in (UNKNOWN_LANGUAGE, "mis", "mul", "zxx"):
        return UNKNOWN_LANGUAGE, stated or UNKNOWN_SCRIPT
    written = _written_script(language, stated, _script(script) if script else None)
    return _BY_SCRIPT.get((language, written), language), written
