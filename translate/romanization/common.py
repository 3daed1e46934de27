"""Function words whose usual spelling neither letters nor neighbours tell: pronouns, particles, auxiliaries."""

from translate.romanization.brahmic import pairs

_WORDS = {
    "hin": "में:mein है:hai हैं:hain नहीं:nahin मैं:main हुआ:hua हुई:hui हुए:hue लिए:liye गए:gaye गई:gayi बाद:baad नाम:naam एवं:evam यह:yah वह:vah ये:ye वे:ve",
    "mar": "आणि:ani आहे:aahe आहेत:aahet झाला:zala झाली:zali झाले:zale नाही:nahi मी:mi तीन:teen",
    "ben": "হয়:hoy হল:holo হলো:holo জন্য:jonno মধ্যে:moddhe করে:kore ছিল:chhilo এই:ei যে:je তিনি:tini",
    "guj": "છે:chhe હું:hu અને:ane તે:te આ:aa",
    "kan": "ಈ:ee ಆ:aa ನೀ:nee",
    "tel": "ఈ:ee ఆ:aa నీ:nee",
    "tam": "ஈ:ee ஆ:aa நீ:nee",
    "urd": "اس:is ان:un یہ:ye وہ:wo کہ:ke نہ:na ہے:hai ہیں:hain میں:mein نہیں:nahin کیا:kiya ایک:aik جس:jis جن:jin بعد:baad"
    " کسی:kisi نام:naam ساتھ:saath ہوا:hua ہوئے:hue ہوئی:hui گئی:gayi گئے:gaye لیے:liye لئے:liye انہوں:unhon طور:taur تھا:tha"
    " تھی:thi تھے:the اور:aur پر:par محمد:muhammad",
    "snd": "جي:je ۽:aen آهي:aahe آھي:aahe کي:khe تي:te به:bi ان:un هن:hin هو:ho سان:saan مان:maan آهن:aahin جو:jo جا:ja جنهن:jenhan"
    " انهن:unhan هئي:hui پوءِ:poi محمد:muhammad",
}


def common(language: str) -> dict[str, str]:
    """Native word -> spelling; empty for most languages."""
    return pairs(_WORDS.get(language, ""))
