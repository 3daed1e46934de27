"""Which languages an address speaks for: `qu.wikipedia.org`, `/qu/`, `?lang=qu`, or a country where it is spoken."""

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa

from filters.columns import UNKNOWN_LANGUAGE
from filters.labels import canonical
from filters.url import host

_LONGEST = 2000  # characters of a URL that are looked at
_SEGMENTS = 3  # of the path
_QUERY = re.compile(
    r"[?&;](?:lang|language|hl|locale|uselang|setlang|lng)=([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2})(?=[&;#]|$)",
    re.I,
)
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}")
_AFTER_HOST = re.compile(r"//[^/?#]*/([^?#]*)")

# Top-level domains -> languages written in that country or community (ISO 639-3). A country's largest languages among
# the world's (English, French, Spanish, Portuguese, Arabic, Russian) are left out where it is not their home.
_BY_DOMAIN = """
ae:arb af:prs,pbt,uzs,tuk al:als am:hye ao:umb,kmb,kng aw:pap ax:swe az:azj ba:bos,hrv,srp bd:ben,syl,ctg
be:nld,fra,wln,vls bf:mos,dyu bg:bul bi:run bj:fon,yor bn:zsm bo:quy,quh,ayr,gug br:por bt:dzo bw:tsn by:bel bzh:bre
cat:cat cd:lin,swh,lua,kng,lub cf:sag cg:lin,kng ch:gsw,roh ci:dyu,bci cm:fuv,ewo cn:cmn,bod,uig,zyb,iii cv:kea
corsica:cos cw:pap cy:ell,tur cymru:cym cz:ces de:deu,nds,hsb,dsb,bar dj:som,aar dk:dan,fao do:spa dz:kab,arq ee:ekk,vro
eg:arz er:tir,tig,byn es:spa,cat,eus,glg,ast,arg et:amh,gaz,tir,som,sid,wal eus:eus fi:fin,swe,sme,smn fj:fij,hif
fm:pon,chk fo:fao fr:fra,bre,oci,cos,eus gal:glg ge:kat,xmf,abk gh:twi,ewe,gaa,dag,fat gl:kal gm:mnk,wol gn:fuf,sus,emk
gr:ell gt:quc,kek,mam,cak gw:pov hk:yue,cmn hr:hrv ht:hat hu:hun id:ind,jav,sun,ban,min,ace,bug,mad,bjn ie:gle il:heb,ydd
im:glv in:hin,ben,tam,tel,mar,guj,kan,mal,ory,pan,asm,urd,mai,bho,san,gom,snd,doi,mni,sat,brx,kas,npi,lus,tcy iq:ckb,kmr,acm
ir:fas,azb,ckb,glk,mzn,lrc,bcc is:isl it:ita,srd,scn,vec,lmo,pms,fur,lij,nap jm:jam jo:ajp jp:jpn ke:swh,kik,luo,kam,guz
kg:kir kh:khm ki:gil km:zdj kr:kor kw:afb kz:kaz,uig la:lao lb:apc lk:sin,tam ls:sot lt:lit,sgs lu:ltz lv:lvs,ltg ly:ayl
ma:ary,zgh,tzm,shi,rif md:ron,gag me:srp mg:plt mh:mah mk:mkd ml:bam,fuc,ses mm:mya,shn,mnw,ksw,kac,cnh mn:khk,kaz mo:yue
mr:wol,fuc mt:mlt mu:mfe mv:div mw:nya,tum mx:nhn,yua,tzo,tzh,zap,maz my:zsm,iba,tam mz:vmw,tso,ndc,seh na:ndo,hrx,naq
ne:hau,dje nf:pih ng:hau,yor,ibo,pcm,fuv,knc,tiv,efi,bin nl:nld,fry,lim,nds no:nob,nno,sme np:npi,mai,new,bho,taj nr:nau
nu:niu nz:mri,eng,smo om:arb pa:gym pe:quy,quz,ayr,cni pf:tah pg:tpi,hmo ph:fil,ceb,ilo,hil,war,pam,bcl,pag pk:urd,snd,pnb,pbt,skr,bcc
pl:pol,szl,csb ps:apc,ajp pt:por,mwl pw:pau py:gug ro:ron,hun rs:srp,hun ru:rus,tat,bak,chv,sah,udm,che,oss,tyv,kpv,mhr,xal,bxr,myv,krc,ava
rw:kin sa:ars sb:pis sc:crs scot:gla,sco sd:apd se:swe,sme,fin si:slv sk:slk sl:kri sm:ita sn:wol,fuc,srr so:som sr:srn,nld
ss:dik,nus st:por su:rus sv:spa sy:apc,kmr sz:ssw tatar:tat td:shu tg:ewe,kbp th:tha,nod,mfa tj:tgk tk:tkl tl:tet,tdt tm:tuk
tn:aeb to:ton tr:tur,kmr,diq tv:tvl tw:cmn,nan,hak tz:swh,suk,chw ua:ukr,crh,rus ug:lug,nyn,xog,teo,ach uk:eng,cym,gla,sco
uy:spa uz:uzn,kaa va:lat,ita vn:vie,mww vu:bis wales:cym wf:wls ws:smo xn--p1ai:rus,tat,bak,sah ye:arb za:zul,xho,afr,nso,tsn,sot,tso,ssw,ven,nbl
zm:bem,nya,toi,loz zw:sna,nde frl:fry
"""


def _table(listed: str) -> dict[str, frozenset[str]]:
    pairs = (entry.split(":") for entry in listed.split())
    return {domain: frozenset(filter(None, languages.split(","))) for domain, languages in pairs}


_LANGUAGES_OF = _table(_BY_DOMAIN)


def _named(tag: str, longest: int = 3) -> str | None:
    """ISO 639-3 of a language tag whose code has at most `longest` letters."""
    if not _TAG.fullmatch(tag) or len(re.split("[-_]", tag)[0]) > longest:
        return None
    language = canonical(tag.replace("_", "-").lower())[0]
    return language if language != UNKNOWN_LANGUAGE else None


@lru_cache(maxsize=1 << 14)
def _of_host(name: str) -> frozenset[str]:
    *labels, top = name.split(".")
    found = {_named(part) for part in labels[:-1] if part != "www"}  # not the site's own name: `as.com`, `it.is`
    return frozenset(filter(None, found)) | _LANGUAGES_OF.get(top, frozenset())


def languages_of(url: str | None) -> frozenset[str]:
    """ISO 639-3 of the languages that a URL speaks for; none where it has no host. Never raises.

    From the host, tags of two or three letters before the site's own name, and the top-level domain; from the path,
    its first `_SEGMENTS` segments if they are tags with a code of two letters (words like /new/ and /war/ are codes of
    three); from the query, values of lang=, hl= and the like.
    """
    text = (url or "")[:_LONGEST]
    name = host(text)
    if name is None:
        return frozenset()
    path = _AFTER_HOST.search(text)
    found = {_named(part, 2) for part in (path[1].split("/")[:_SEGMENTS] if path else [])}
    found |= {_named(tag) for tag in _QUERY.findall(text)}
    return _of_host(name) | frozenset(filter(None, found))


def speaks_for(url: pa.StringArray, language: pa.StringArray) -> np.ndarray:
    """Whether each URL speaks for the language of its label (`hin_Deva`); bool."""
    pairs = zip(url.to_pylist(), language.to_pylist(), strict=True)
    return np.array([(name or "")[:3] in languages_of(each) for each, name in pairs], bool)
