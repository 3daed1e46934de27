"""Word lists by affinity, the metric, and what an address says of a language."""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.affinity import Spellings, WordCounts, affinity_word_ratio, read_lists
from filters.labels import canonical
from filters.segment import segment, words
from filters.url_language import _LANGUAGES_OF, languages_of, speaks_for

# Everyday sentences whose languages share words: Galician and Spanish, Hindi and Marathi, Thai and Lao
TEXTS = {
    "glg_Latn": "Os veciños arranxaron a ponte vella e agora os nenos van á escola. A ponte é moi vella. Os nenos son da vila.",
    "spa_Latn": "Los vecinos arreglaron el puente viejo y ahora los niños van a la escuela. El puente es muy viejo. Los niños son de la vila.",
    "hin_Deva": "पड़ोसियों ने पुल ठीक कर दिया और बच्चे स्कूल जा सकते हैं। पुल बहुत पुराना है। बच्चे गाँव के हैं।",
    "mar_Deva": "शेजाऱ्यांनी पूल दुरुस्त केला आणि मुले शाळेत जाऊ शकतात. पूल खूप जुना आहे. मुले गावातील आहेत.",
    "tha_Thai": "เพื่อนบ้านซ่อมสะพานเก่าแล้ว เด็กไปโรงเรียนได้ สะพานเก่ามาก เด็กอยู่ในหมู่บ้าน",
}


def _counts(texts: dict[str, str], times: int = 3) -> WordCounts:
    counts = WordCounts()
    for _ in range(times):
        counts.add(pa.array(list(texts.values())), pa.array(list(texts)))
    return counts


def _lists(texts: dict[str, str], **settings: float) -> dict[str, list[str]]:
    spellings = Spellings(_counts(texts).lists(**settings))
    spellings.add(pa.array(list(texts.values())), pa.array(list(texts)))
    return spellings.words()


def _slow(texts: dict[str, str], affinity: float, percentile: float) -> dict[str, set[str]]:
    """The definition, word by word."""
    tokens = {
        name: [word.lower() for word in words(text) if any(map(str.isalpha, word))] for name, text in texts.items()
    }
    frequency = {name: {word: each.count(word) / len(each) for word in each} for name, each in tokens.items()}
    found = {}
    for name, mine in frequency.items():
        least = np.percentile(list(mine.values()), percentile)
        found[name] = {
            word
            for word, share in mine.items()
            if share >= least and share / sum(other.get(word, 0) for other in frequency.values()) >= affinity
        }
    return found


@pytest.mark.parametrize("affinity", [0.5, 0.85])
@pytest.mark.parametrize("percentile", [50, 90])
def test_lists_are_those_of_the_definition(affinity: float, percentile: float) -> None:
    found = _lists(TEXTS, affinity=affinity, percentile=percentile)
    assert {name: set(listed) for name, listed in found.items()} == _slow(TEXTS, affinity, percentile)
    assert all(found.values())


def test_words_that_languages_share_are_on_no_list() -> None:
    found = _lists(TEXTS, percentile=0)
    assert "vila" not in {*found["glg_Latn"], *found["spa_Latn"]} and "os" in found["glg_Latn"]
    assert "पुल" in found["hin_Deva"] and "पूल" in found["mar_Deva"]


def test_frequent_words_come_first_and_rare_ones_not_at_all() -> None:
    texts = {"deu_Latn": "und " * 9 + "Brücke " * 5 + "Haus", "tur_Latn": "ve köprü"}
    assert _lists(texts, percentile=0)["deu_Latn"] == ["und", "brücke", "haus"]
    once = WordCounts()
    once.add(pa.array(list(texts.values())), pa.array(list(texts)))
    assert len(once.lists(percentile=0)["deu_Latn"]) == 2, "what occurs once or twice is not listed"


def test_batches_add_up() -> None:
    together, apart = _counts(TEXTS, times=40), WordCounts()
    for _ in range(40):
        for name, text in TEXTS.items():
            apart.add(pa.array([text]), pa.array([name]))
    assert all((together.of(name)[1] == apart.of(name)[1]).all() for name in TEXTS)


def test_no_text_no_lists() -> None:
    assert WordCounts().lists() == {}
    empty = WordCounts()
    empty.add(pa.array(["12 !"]), pa.array(["deu_Latn"]))
    assert not len(empty.lists().get("deu_Latn", []))


LISTS = {"glg_Latn": ("OS", "veciños"), "tha_Thai": ("สะพาน",), "mar_Deva": ("आणि",)}


def _ratios(texts: list[str | None], labels: list[str], urls: list[str | None]) -> list[float | None]:
    array = pa.array(texts, pa.string())
    return affinity_word_ratio(segment(array), pa.array(labels), pa.array(urls, pa.string()), LISTS).to_pylist()


def test_the_ratio_counts_listed_words_of_the_documents_own_language() -> None:
    found = _ratios(
        ["Os veciños, os nenos!", "Los niños y los vecinos", "สะพานเก่า", "आणि पूल", "os os", None, "12"],
        ["glg_Latn", "glg_Latn", "tha_Thai", "mar_Deva", "por_Latn", "glg_Latn", "glg_Latn"],
        [None] * 7,
    )
    assert found == [pytest.approx(3 / 4), 0.0, pytest.approx(1 / 2), pytest.approx(1 / 2), None, None, None]


def test_an_address_that_speaks_for_the_language_is_believed() -> None:
    urls = [
        "https://gl.example.org/",
        "https://example.gal/x",
        "https://example.org/gl/",
        "https://example.org/x",
        None,
    ]
    assert _ratios(["Los niños"] * 5, ["glg_Latn"] * 5, urls) == [None, None, None, 0.0, 0.0]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://qu.wikipedia.org/wiki/Inti", {"quy"}),
        ("https://example.org/hi/page", {"hin"}),
        ("https://example.org/a/b/sw-KE/page", {"swh"}),
        ("https://example.org/a/b/c/sw/page", set()),
        ("https://example.org/page?x=1&lang=yor&y", {"yor"}),
        ("https://example.org/page?hl=zh-Hant", {"cmn"}),
        ("https://m.as.example.org/", {"asm"}),
        ("https://as.com/", set()),
        ("https://www.example.is", {"isl"}),
        ("https://sr-latn.example.org", {"srp"}),
        ("https://example.org/new/war/img", set()),
        ("https://user@EXAMPLE.FO:8080/#/en/", {"fao"}),
        ("mailto:a@b.is", set()),
        ("https://[::1]/is/", {"isl"}),
        ("", set()),
        (None, set()),
        ("https://" + "a" * 100_000, set()),
        ("https://example.org/" + "/" * 100_000 + "?" + "&lang=" * 50_000, set()),
    ],
)  # fmt: skip
def test_what_an_address_says(url: str | None, expected: set[str]) -> None:
    assert languages_of(url) == expected


def test_a_country_speaks_for_its_languages_only() -> None:
    urls = pa.array(["https://example.pe/"] * 3)
    assert speaks_for(urls, pa.array(["quy_Latn", "spa_Latn", "hin_Deva"])).tolist() == [True, False, False]
    spoken = {name for listed in _LANGUAGES_OF.values() for name in listed}
    assert len(spoken) > 200 and all(canonical(name)[0] == name for name in spoken), "spelled as labels are"


def test_lists_are_files_named_after_their_language(tmp_path: Path) -> None:
    (tmp_path / "mar_Deva.txt").write_text("आणि\n\n आहे \n", "utf-8")
    assert read_lists(tmp_path) == {"mar_Deva": ("आणि", "आहे")}
    (tmp_path / "marathi.txt").write_text("आणि\n", "utf-8")
    with pytest.raises(ValueError, match=r"marathi\.txt: marathi is no label such as hin_Deva"):
        read_lists(tmp_path)
    with pytest.raises(ValueError, match=r"no <lang_Script>\.txt files"):
        read_lists(tmp_path / "none")


@pytest.mark.shared
def test_published_lists_can_be_read(shared: Path, tmp_path: Path) -> None:
    """FineWeb-2's are used as they are."""
    with zipfile.ZipFile(shared / "lists" / "fineweb2_wordlists_subset.zip") as archive:
        archive.extractall(tmp_path)
    (folder,) = {path.parent for path in tmp_path.rglob("*.txt")}
    lists = read_lists(folder)
    assert len(lists) == 21
    text = pa.array(["ถนนสายนี้เก่ามากและสะพานก็ปิดแล้ว", "The road is very old and the bridge is closed."])
    ratios = affinity_word_ratio(segment(text), pa.array(["tha_Thai"] * 2), pa.array([None, None], pa.string()), lists)
    assert ratios[0].as_py() > 0 and ratios[1].as_py() == 0
