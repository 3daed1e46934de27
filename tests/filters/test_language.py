"""Labels, scripts and the language of text, on sentences written here."""

import gzip
import json
import re
import unicodedata
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters import language
from filters.columns import LANGUAGE
from filters.fasttext_file import load
from filters.labels import MEMBERS, canonical, usual_script
from filters.language import identify, known_labels, members, model_path, prepare
from filters.scripts import (
    CODE_POINTS,
    SCRIPT_INDEX,
    SCRIPTS,
    letter_counts,
    letter_table,
    majority_script,
    script,
    script_table,
)

SCRIPT_SAMPLES = {
    "Latn": "The river is wide here.",
    "Deva": "नदी यहाँ चौड़ी है।",
    "Beng": "নদীটি এখানে চওড়া।",
    "Guru": "ਇੱਥੇ ਦਰਿਆ ਚੌੜਾ ਹੈ।",
    "Taml": "ஆறு இங்கே அகலமாக உள்ளது.",
    "Telu": "నది ఇక్కడ వెడల్పుగా ఉంది.",
    "Arab": "النهر واسع هنا.",
    "Hebr": "הנהר רחב כאן.",
    "Cyrl": "Река здесь широкая.",
    "Grek": "Το ποτάμι είναι πλατύ εδώ.",
    "Thai": "แม่น้ำกว้างตรงนี้",
    "Khmr": "ទន្លេធំទូលាយនៅទីនេះ",
    "Mymr": "မြစ်က ဒီမှာ ကျယ်တယ်။",
    "Ethi": "ወንዙ እዚህ ሰፊ ነው።",
    "Geor": "მდინარე აქ განიერია.",
    "Hani": "這條河在這裡很寬。",
    "Jpan": "川はここで広くなっています。",
    "Hang": "강은 여기에서 넓다.",
    "Tibt": "གཙང་པོ་འདི་རྒྱ་ཆེ།",
    "Cher": "ᎡᏉᏂ ᎤᏔᎾ",
    "Adlm": "𞤃𞤢𞥄𞤴𞤮",
}

LANGUAGE_SAMPLES = {
    "eng_Latn": "My neighbours repaired the old bridge last week, and now the children can walk to school again.",
    "deu_Latn": "Meine Nachbarn haben letzte Woche die alte Brücke repariert, und nun gehen die Kinder wieder zu Fuß.",
    "fra_Latn": "Mes voisins ont réparé le vieux pont la semaine dernière et les enfants vont de nouveau à pied à l'école.",
    "spa_Latn": "Mis vecinos arreglaron el puente viejo la semana pasada y ahora los niños vuelven a ir a pie a la escuela.",
    "tur_Latn": "Komşularım geçen hafta eski köprüyü onardı, artık çocuklar okula yeniden yürüyerek gidebiliyor.",
    "swh_Latn": "Majirani zangu walitengeneza daraja la zamani wiki iliyopita, na sasa watoto wanaweza kutembea kwenda shule.",
    "vie_Latn": "Tuần trước hàng xóm của tôi đã sửa cây cầu cũ, bây giờ trẻ em lại có thể đi bộ đến trường.",
    "rus_Cyrl": "На прошлой неделе соседи починили старый мост, и теперь дети снова ходят в школу пешком.",
    "ukr_Cyrl": "Минулого тижня сусіди полагодили старий міст, і тепер діти знову ходять до школи пішки.",
    "arb_Arab": "أصلح جيراني الجسر القديم في الأسبوع الماضي، والآن يستطيع الأطفال الذهاب إلى المدرسة سيرا على الأقدام.",
    "urd_Arab": "میرے پڑوسیوں نے پچھلے ہفتے پرانا پل ٹھیک کر دیا ہے اور اب بچے پھر سے پیدل اسکول جا سکتے ہیں۔",
    "hin_Deva": "मेरे पड़ोसियों ने पिछले हफ़्ते पुराना पुल ठीक कर दिया और अब बच्चे फिर से पैदल स्कूल जा सकते हैं।",
    "mar_Deva": "माझ्या शेजाऱ्यांनी गेल्या आठवड्यात जुना पूल दुरुस्त केला आणि आता मुले पुन्हा चालत शाळेत जाऊ शकतात.",
    "ben_Beng": "গত সপ্তাহে আমার প্রতিবেশীরা পুরোনো সেতুটি মেরামত করেছে, এখন শিশুরা আবার হেঁটে স্কুলে যেতে পারে।",
    "tam_Taml": "என் அண்டை வீட்டார் போன வாரம் பழைய பாலத்தைச் சரி செய்தார்கள், இப்போது குழந்தைகள் நடந்து பள்ளிக்குச் செல்கிறார்கள்.",
    "tha_Thai": "สัปดาห์ที่แล้วเพื่อนบ้านของฉันซ่อมสะพานเก่า ตอนนี้เด็ก ๆ เดินไปโรงเรียนได้อีกครั้ง",
    "khm_Khmr": "អ្នកជិតខាងរបស់ខ្ញុំបានជួសជុលស្ពានចាស់កាលពីសប្ដាហ៍មុន",
    "amh_Ethi": "ጎረቤቶቼ ባለፈው ሳምንት አሮጌውን ድልድይ ጠግነዋል፤ አሁን ልጆች በእግራቸው ወደ ትምህርት ቤት ይሄዳሉ።",
    "kor_Hang": "지난주에 이웃들이 낡은 다리를 고쳐서 이제 아이들이 다시 걸어서 학교에 갈 수 있다.",
    "jpn_Jpan": "先週、近所の人たちが古い橋を直したので、子どもたちはまた歩いて学校に通えるようになりました。",
    "cmn_Hani": "上个星期邻居们修好了那座旧桥，现在孩子们又可以走路去上学了。",
    "hin_Latn": "bhartiya sanskriti mein nadi ko maa ke samaan mana jata hai aur log vishesh avsar par uski pooja karte hain",
    "tam_Latn": "en pakkathu veettukaarargal pona vaaram pazhaiya paalathai sari seithaargal ippo kuzhandhaigal nadanthu palliku selgiraargal",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("__label__hi", "hin_Deva"),  # lid.176
        ("__label__ceb", "ceb_Latn"),
        ("__label__als", "gsw_Latn"),  # lid.176 has Wikipedia's code for Alemannic ...
        ("__label__als_Latn", "als_Latn"),  # ... GlotLID the ISO code for Tosk Albanian
        ("__label__hin_Latn", "hin_Latn"),  # GlotLID, OpenLID, NLLB, IndicLID
        ("__label__zho_Hans", "cmn_Hani"),
        ("__label__sat_Olch", "sat_Olck"),  # IndicLID's spellings
        ("__label__mni_Meti", "mni_Mtei"),
        ("__label__other", "und_Zzzz"),
        ("__label__und_Hebr", "und_Hebr"),
        ("kok_Deva", "gom_Deva"),
        ("ar", "arb_Arab"),
        ("ms", "zsm_Latn"),
        ("pes_Arab", "fas_Arab"),
        ("tgl", "fil_Latn"),
        ("pt-BR", "por_Latn"),  # BCP 47
        ("zh-Hant-TW", "cmn_Hani"),
        ("zh-yue", "yue_Hani"),
        ("sr-Latn", "srp_Latn"),
        ("az-Arab", "azb_Arab"),
        ("HI", "hin_Deva"),
        ("zxx_Latn", "und_Latn"),
    ],
)
def test_labels_of_every_style_have_one_spelling(name: str, expected: str) -> None:
    assert "_".join(canonical(name)) == expected


def test_the_text_decides_the_script_only_where_the_label_names_none() -> None:
    assert canonical("__label__hi", "Latn") == ("hin", "Latn")
    assert canonical("__label__pa", "Arab") == ("pnb", "Arab")
    assert canonical("__label__hin_Deva", "Latn") == ("hin", "Deva")
    assert canonical("__label__ja", "Hani") == ("jpn", "Jpan"), "Japanese without kana"
    assert canonical("__label__hi", "Zzzz") == ("hin", "Deva")


@pytest.mark.parametrize(
    "name",
    ["", "..", "../../etc", "__label__../../etc/passwd", "hin_Deva/../x", "hin\x00Deva", "hin_Deva\n", "ＨＩＮ", "ｈi",
     "English", "hin_Qxyz", "q" * 100_000, "__label__", "hin_", "CON.txt", "qq"],
)  # fmt: skip
def test_what_is_no_label_becomes_und(name: str) -> None:
    assert canonical(name) == ("und", "Zzzz")


def test_labels_are_safe_folder_names_whatever_the_input() -> None:
    rng = np.random.default_rng(1)
    alphabet = list("abHiZ_-#/.\\\0 9é中")
    for _ in range(3000):
        code, written = canonical("".join(rng.choice(alphabet, rng.integers(0, 12))))
        assert re.fullmatch("[a-z]{3}", code) and re.fullmatch("[A-Z][a-z]{3}", written)


def test_usual_scripts_are_scripts() -> None:
    assert usual_script("hin") == "Deva" and usual_script("swh") == "Latn"
    assert {usual_script(code) for code, _ in known_labels()} <= set(SCRIPTS) | {"Jpan"}


@pytest.mark.parametrize("expected", SCRIPT_SAMPLES)
def test_script(expected: str) -> None:
    assert script(pa.array([SCRIPT_SAMPLES[expected]])).to_pylist() == [expected]


def test_script_goes_by_the_majority_of_letters() -> None:
    texts = [
        "नदी river",
        "नदी चौड़ी ok",
        "中文里的 の 字不算日文因为只有一个假名",
        "漢字 한국어 글자",
        "12 + 3 = १५ !",
        "",
        None,
    ]
    assert script(pa.array(texts)).to_pylist() == ["Latn", "Deva", "Hani", "Hang", "Zzzz", "Zzzz", "Zzzz"]


def test_script_reads_slices_and_empty_arrays() -> None:
    array = pa.array(list(SCRIPT_SAMPLES.values()))
    assert script(array.slice(3, 5)).to_pylist() == list(SCRIPT_SAMPLES)[3:8]
    assert script(pa.array([], pa.string())).to_pylist() == []
    assert script(pa.array([None, ""], pa.string())).to_pylist() == ["Zzzz", "Zzzz"]


def test_the_script_table_agrees_with_character_names() -> None:
    """The names that Python carries are an independent source: each letter's name begins with its script."""
    words = {
        "DEVANAGARI": "Deva",
        "THAI": "Thai",
        "ETHIOPIC": "Ethi",
        "HANGUL": "Hang",
        "CYRILLIC": "Cyrl",
        "KHMER": "Khmr",
    }
    table, letters, seen = script_table(), letter_table(), dict.fromkeys(words.values(), 0)
    for code in range(0x20000):
        character = chr(code)
        expected = words.get(unicodedata.name(character, "").split(" ")[0])
        if expected and unicodedata.category(character)[0] == "L":
            assert letters[code] and table[code] == SCRIPT_INDEX[expected], hex(code)
            seen[expected] += 1
    assert min(seen.values()) > 50 and seen["Hang"] > 11_000
    assert len(table) == len(letters) == CODE_POINTS and SCRIPTS[table[ord("-")]] == "Zzzz"


@pytest.fixture(scope="module")
def answers() -> dict[str, dict]:
    found = identify(pa.array(list(LANGUAGE_SAMPLES.values()), pa.string()))
    assert found.type == LANGUAGE and found.null_count == 0
    return dict(zip(LANGUAGE_SAMPLES, found.to_pylist(), strict=True))


@pytest.mark.parametrize("expected", LANGUAGE_SAMPLES)
def test_default_model(answers: dict[str, dict], expected: str) -> None:
    answer = answers[expected]
    assert f"{answer['language']}_{answer['language_script']}" == expected
    top = json.loads(answer["top_langs"])
    assert next(iter(top)) == f"{expected}_score" and min(top.values()) >= 0.01 and len(top) <= 10
    assert answer["language_score"] == pytest.approx(top[f"{expected}_score"], abs=1e-6)


def test_everyday_hindustani_in_latin_letters_is_hindi_or_urdu() -> None:
    """Romanized, the two differ only in learned words; lid-default.md says how often they are confused."""
    text = "mere padosiyon ne pichle hafte purana pul theek kar diya aur ab bachche phir se paidal school ja sakte hain"
    (answer,) = identify(pa.array([text])).to_pylist()
    assert answer["language_script"] == "Latn" and answer["language"] in ("hin", "urd")
    assert {"hin_Latn_score", "urd_Latn_score"} <= set(json.loads(answer["top_langs"]))


@pytest.mark.parametrize("text", ["", "   \n", "1234 5678 :: ()", "🙂🙂🙂", None])
def test_without_letters_there_is_no_language(text: str | None) -> None:
    answer = identify(pa.array([text, "नदी यहाँ चौड़ी है।"], pa.string())).to_pylist()
    assert answer[0] == {"language": "und", "language_script": "Zzzz", "language_score": 0.0, "top_langs": "{}"}
    assert answer[1]["language_script"] == "Deva", "the other rows are unmoved"


def test_no_rows() -> None:
    assert identify(pa.array([], pa.string())).to_pylist() == []


def _letters(**counts: int) -> np.ndarray:
    letters = np.zeros((1, len(SCRIPTS)), np.int32)
    for name, count in counts.items():
        letters[0, SCRIPT_INDEX[name]] = count
    return letters


def test_the_answer_must_fit_the_script() -> None:
    ranked = [(("hin", "Deva"), 0.7), (("hin", "Latn"), 0.2)]
    assert language._answers([ranked], _letters(Latn=100)) == [(("hin", "Latn"), 0.2)]
    assert language._answers([ranked[:1]], _letters(Latn=100)) == [(("und", "Zzzz"), 0.0)]
    assert language._answers([ranked], _letters(Latn=100, Deva=6)) == [ranked[0]], "some Devanagari is enough"
    assert language._answers([[]], _letters(Latn=100)) == [(("und", "Zzzz"), 0.0)]
    japanese = [(("jpn", "Jpan"), 0.9)]
    assert language._answers([japanese], _letters(Hira=3, Kana=3, Latn=94)) == japanese, "all its scripts count"


def test_a_label_that_names_no_language_is_no_reason_to_take_the_next() -> None:
    ranked = language._ranked(["__label__other", "__label__hin_Latn"], np.array([0.9, 0.1]), "Latn")
    assert language._answers([ranked], _letters(Latn=100)) == [(("und", "Zzzz"), 0.0)]


def test_json_is_as_the_json_module_writes_it() -> None:
    ranked = [
        (("hin", "Deva"), 0.1234567),
        (("mar", "Deva"), 0.0100004),
        (("npi", "Deva"), 1.0),
        (("bho", "Deva"), 0.5),
    ]
    plain = {f"{code}_{script}_score": round(score, 6) for (code, script), score in ranked}
    assert language._json(ranked) == json.dumps(plain) and language._json([]) == "{}"


def _plainly(texts: list[str], model: str) -> list[dict]:
    """`identify`, one text at a time and without its shortcuts."""
    answers = []
    for text in texts:
        letters = letter_counts(pa.array([text]))[0]
        written = majority_script(letters[None])[0]
        nothing = {"language": "und", "language_script": "Zzzz", "language_score": 0.0, "top_langs": "{}"}
        if not letters.any():
            answers.append(nothing | {"language_script": written})
            continue
        (names,), (scores,) = load(model_path(model)).predict([prepare(text)], k=10, threshold=0.01)
        total: dict[tuple[str, str], float] = {}
        for name, score in zip(names, scores.tolist(), strict=True):
            total[canonical(name, written)] = min(total.get(canonical(name, written), 0.0) + score, 1.0)
        ranked = sorted(total.items(), key=lambda item: -item[1])
        top = {"top_langs": json.dumps({f"{a}_{b}_score": round(score, 6) for (a, b), score in ranked})}
        for (code, script_), score in ranked:
            if sum(letters[SCRIPT_INDEX[each]] for each in MEMBERS.get(script_, (script_,))) >= 0.05 * letters.sum():
                nothing |= {"language": code, "language_script": script_, "language_score": score}
                break
        answers.append(nothing | top)
    return answers


@pytest.mark.shared
@pytest.mark.parametrize("model", ["default", "lid.176"])
def test_batches_are_answered_as_single_texts_are(shared: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setenv("MULTICURATE_MODELS", str(shared / "models"))
    with gzip.open(shared / "text" / "ntrex128.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, 0, None, 60)]
    texts = [text for row in rows for text in (row["lines"][0], row["lines"][-1][:40], "\n".join(row["lines"]))]
    texts += ["", "12", *(f"{one} {two}" for one, two in zip(texts[::7], texts[3::7], strict=False))]
    found = identify(pa.array(texts), model=model).to_pylist()
    assert len({each["language_script"] for each in found}) > 20 and found == _plainly(texts, model)


def test_models_whose_labels_mean_the_same_language_are_added_up() -> None:
    ranked = language._ranked(["zho_Hans", "yue", "zho_Hant"], np.array([0.4, 0.3, 0.3]), "Hani")
    assert ranked == [(("cmn", "Hani"), pytest.approx(0.7)), (("yue", "Hani"), pytest.approx(0.3))]


def test_prepare_bounds_the_text_and_keeps_fasttexts_tokens_out() -> None:
    assert prepare(" a\n\tb ") == "a b"
    assert prepare("x </s> y __label__hin_Deva z").split() == ["x", "y", "hin_Deva", "z"]
    for space in "\t\x1c\x85\u00a0\u1680\u2003\u2028\u202f\u3000":
        assert prepare(f"नदी{space}चौड़ी{space}") == "नदी चौड़ी"
    long = prepare("begin " + "word " * 100_000 + "end")
    assert long.startswith("begin") and long.endswith("end") and len(long) <= language.MAXIMUM_CHARACTERS + 2


def test_text_cannot_end_or_steer_the_line() -> None:
    plain = LANGUAGE_SAMPLES["hin_Deva"]
    hostile = f"</s> __label__eng_Latn {plain}"
    assert identify(pa.array([hostile])).to_pylist()[0]["language"] == "hin"


def test_unknown_models_are_named_with_the_known_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pa.array(["text"])
    with pytest.raises(ValueError, match=r"unknown language model 'nix': known are default, lid\.176, glotlid"):
        identify(text, model="nix")
    monkeypatch.setenv("MULTICURATE_MODELS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}/model_v3\.bin: put https://huggingface\.co"):
        identify(text, model="glotlid")
    assert known_labels("default+default") == known_labels()
    with pytest.raises(FileNotFoundError, match="model_v3"):
        identify(text, model="default+glotlid")


def test_models_are_joined_by_a_plus_that_a_path_may_hold_too() -> None:
    assert members("default+lid.176") == ("default", "lid.176")
    assert members("a/b.ftz+default") == ("a/b.ftz", "default")
    assert members("default") == ("default",) and members("c++/model.bin") == ("c++/model.bin",)


def test_below_a_languages_cut_there_is_no_answer() -> None:
    texts = pa.array([LANGUAGE_SAMPLES["hin_Deva"], LANGUAGE_SAMPLES["tam_Taml"], "12"])
    plain = identify(texts).to_pylist()
    assert min(each["language_score"] for each in plain[:2]) > 0.9
    cut = identify(texts, cuts={"hin_Deva": 1.01, "other": 0.5}).to_pylist()
    assert cut[0] == {"language": "und", "language_script": "Zzzz", "language_score": 0.0} | {
        "top_langs": plain[0]["top_langs"]
    }
    assert cut[1:] == plain[1:]
    others = identify(texts, cuts={"hin_Deva": 0.0, "other": 1.01}).to_pylist()
    assert [each["language"] for each in others] == ["hin", "und", "und"]


@pytest.mark.shared
def test_lid_176(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICURATE_MODELS", str(shared / "models"))
    weak = ("hin_Latn", "tam_Latn", "swh_Latn")  # it was not trained on the first two
    native = {name: text for name, text in LANGUAGE_SAMPLES.items() if name not in weak}
    found = identify(pa.array(list(native.values())), model="lid.176").to_pylist()
    assert [f"{each['language']}_{each['language_script']}" for each in found] == list(native)


def test_invalid_utf8_does_not_read_past_the_tables() -> None:
    broken = pa.StringArray.from_buffers(
        3, pa.py_buffer(np.array([0, 4, 5, 8], np.int32)), pa.py_buffer(b"\xff\xbf\xbf\xbf\xe0abc")
    )
    assert script(broken).to_pylist() == ["Zzzz", "Zzzz", "Latn"]
