"""Models that vote: calibrated, without a vote on what they do not know, and on real held-out text."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from filters import ensemble
from filters.columns import LANGUAGE
from filters.ensemble import Calibration, vote
from filters.language import calibration_path, identify, model_path
from tests.filters.test_language import LANGUAGE_SAMPLES

HINDI, MARATHI, ROMAN, ENGLISH = ("hin", "Deva"), ("mar", "Deva"), ("hin", "Latn"), ("eng", "Latn")
SURE = Calibration(1.0)


def test_a_temperature_sharpens_or_flattens_and_keeps_the_order() -> None:
    ranked = [(HINDI, 0.6), (MARATHI, 0.3)]  # and 0.1 to others
    assert Calibration(1.0).tempered(ranked) == {HINDI: pytest.approx(0.6), MARATHI: pytest.approx(0.3)}
    parts = [0.6**2, 0.3**2, 0.1**2]
    sharp = Calibration(0.5).tempered(ranked)
    assert sharp == {HINDI: pytest.approx(parts[0] / sum(parts)), MARATHI: pytest.approx(parts[1] / sum(parts))}
    flat = Calibration(2.0).tempered(ranked)
    assert sharp[HINDI] > 0.6 > flat[HINDI] > flat[MARATHI] and sum(flat.values()) < 1
    assert Calibration(2.0).tempered([(HINDI, 1.0)]) == {HINDI: 1.0} and SURE.tempered([]) == {}


def test_calibrated_votes_are_not_raw_sums() -> None:
    """Raw, 0.9 + 0.2 beats 0.1 + 0.8. But the first model is known to be far too sure of itself."""
    first, second = [(HINDI, 0.9), (MARATHI, 0.1)], [(MARATHI, 0.8), (HINDI, 0.2)]
    known = [frozenset({HINDI, MARATHI})] * 2
    raw = vote([[first], [second]], [SURE, SURE], known)
    assert raw == [[(HINDI, pytest.approx(0.55)), (MARATHI, pytest.approx(0.45))]]
    ((best, score), *_), = vote([[first], [second]], [Calibration(4.0), SURE], known)  # fmt: skip
    share = 0.9**0.25 / (0.9**0.25 + 0.1**0.25)
    assert best == MARATHI and score == pytest.approx((1 - share + 0.8) / 2)


def test_a_model_that_lacks_a_language_has_no_vote_on_it() -> None:
    first, second = [(ROMAN, 0.8), (ENGLISH, 0.2)], [(ENGLISH, 1.0)]
    lacks = vote([[first], [second]], [SURE, SURE], [frozenset({ROMAN, ENGLISH}), frozenset({ENGLISH})])
    assert lacks == [[(ROMAN, pytest.approx(0.8)), (ENGLISH, pytest.approx(0.6))]]
    knows = vote([[first], [second]], [SURE, SURE], [frozenset({ROMAN, ENGLISH})] * 2)
    assert knows == [[(ENGLISH, pytest.approx(0.6)), (ROMAN, pytest.approx(0.4))]], "one that knows it votes against"


def test_a_model_is_trusted_as_far_as_it_was_right() -> None:
    first, second = [(HINDI, 0.7), (MARATHI, 0.3)], [(MARATHI, 0.9), (HINDI, 0.1)]
    known = [frozenset({HINDI, MARATHI})] * 2
    assert vote([[first], [second]], [SURE, SURE], known)[0][0][0] == MARATHI
    weak = Calibration(1.0, {"mar_Deva": 0.3, "other": 0.9}, {"mar_Deva": 0.4, "other": 0.9})
    assert vote([[first], [second]], [SURE, weak], known)[0][0][0] == HINDI


def test_no_votes_and_no_texts() -> None:
    assert vote([[[]], [[]]], [SURE, SURE], [frozenset(), frozenset()]) == [[]]
    assert vote([[], []], [SURE, SURE], [frozenset(), frozenset()]) == []


def test_cuts_name_languages_or_hold_for_all_others() -> None:
    cuts = {"hin_Deva": 0.3, ensemble.OTHERS: 0.6}
    assert [ensemble.cut(cuts, name) for name in ("hin_Deva", "mar_Deva")] == [0.3, 0.6]
    assert ensemble.cut({"hin_Deva": 0.3}, "mar_Deva") == 0.0


def test_a_calibration_is_stored_and_read(tmp_path: Path) -> None:
    made = Calibration(0.75, {"hin_Deva": 0.9, "other": 0.8}, {"hin_Deva": 0.7, "other": 0.6})
    made.save(tmp_path / "m.ftz.calibration.json", model="m.ftz")
    assert Calibration.load(tmp_path / "m.ftz.calibration.json") == made
    assert made.of(made.precision, HINDI) == 0.9 and made.of(made.f1, MARATHI) == 0.6


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"format": 2}', '{"format": 1}', '{"format": 1, "temperature": -1, "precision": {}, "f1": {}}',
     '{"format": 1, "temperature": NaN, "precision": {}, "f1": {}}',
     '{"format": 1, "temperature": 1, "precision": {"hin_Deva": 7}, "f1": {}}',
     '{"format": 1, "temperature": 1, "precision": [], "f1": {}}', None],
)  # fmt: skip
def test_what_is_no_calibration_is_an_error_that_names_the_command(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "mine.ftz.calibration.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(
        ValueError, match=r"calibration.*`curate lid calibrate LABELLED --model .*/mine\.ftz` writes one"
    ):
        Calibration.load(path)


def test_a_model_without_calibration_cannot_vote(tmp_path: Path) -> None:
    copy = tmp_path / "mine.ftz"
    copy.write_bytes(model_path("default").read_bytes())
    assert identify(pa.array(["नदी चौड़ी है"]), model=str(copy)).to_pylist()[0]["language"] == "hin"
    with pytest.raises(ValueError, match=r"no calibration .*mine\.ftz\.calibration\.json, which a vote needs"):
        identify(pa.array(["नदी चौड़ी है"]), model=f"default+{copy}")


def test_shipped_calibrations_are_found_and_one_beside_the_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lid-default", "lid.176"):
        found = Calibration.load(model_path("default").with_name(f"{name}.ftz.calibration.json"))
        assert 0.3 < found.temperature < 3 and len(found.f1) > 80
    monkeypatch.setenv("MULTICURATE_MODELS", str(tmp_path))
    (tmp_path / "lid.176.ftz").write_bytes(b"")
    assert calibration_path("lid.176").parent == model_path("default").parent
    own = tmp_path / "lid.176.ftz.calibration.json"
    own.write_text("{}")
    assert calibration_path("lid.176") == own


@pytest.mark.shared
def test_default_and_lid_176_vote(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICURATE_MODELS", str(shared / "models"))
    texts = pa.array([*LANGUAGE_SAMPLES.values(), "12 🙂", None], pa.string())
    found = identify(texts, model="default+lid.176")
    assert found.type == LANGUAGE and found.null_count == 0
    rows = found.to_pylist()
    assert [f"{each['language']}_{each['language_script']}" for each in rows[:-2]] == list(LANGUAGE_SAMPLES)
    for row in rows[-2:]:
        assert row == {"language": "und", "language_script": "Zzzz", "language_score": 0.0, "top_langs": "{}"}
    for row in rows[:-2]:
        top = json.loads(row["top_langs"])
        assert 0 < row["language_score"] <= 1 and all(0.01 <= share <= 1 for share in list(top.values())[1:])
    assert identify(texts.slice(3, 4), model="default+lid.176").to_pylist() == rows[3:7], "the batch does not matter"


@pytest.mark.shared
def test_a_language_that_one_model_alone_knows_is_still_found(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Western Punjabi is lid.176's; the default model takes it for Urdu and the like."""
    monkeypatch.setenv("MULTICURATE_MODELS", str(shared / "models"))
    with gzip.open(shared / "text" / "udhr.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["iso639_3"] == "pnb"]
    texts = pa.array([paragraph for row in rows for paragraph in row["paras"] if len(paragraph) > 80])
    right = {
        model: identify(texts, model=model).field("language").to_pylist().count("pnb")
        for model in ("default", "lid.176", "default+lid.176")
    }
    assert len(texts) >= 50 and right["default"] == 0
    assert right["default+lid.176"] >= 0.75 * right["lid.176"] > 0.6 * len(texts)
