"""Similarity and quality estimation models: tiny ones with random weights made here, beside transformers itself."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from translate.checks.check import CUTOFFS, Cutoff, check
from translate.checks.lengths import LengthLimits
from translate.engine import Answer, EngineError
from translate.similarity import EstimationModel, SimilarityModel

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = [
    "The river rises in the hills and runs to the sea.",
    "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है।",
    "ஆற்றின் கரையில் உள்ள இந்தக் கிராமம் ஆண்டுதோறும் வெள்ளத்தைக் காண்கிறது.",
    "دریا",
    "這座河邊的村莊每年都會遭遇洪水。 " * 3,
    "",
]
CONTEXT = 64
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def _tokenizer(folder: Path, **template: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=special)
    tokenizer.train_from_iterator(TEXTS * 5, trainer)
    pieces = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=pieces
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=CONTEXT, **names)
    fast.save_pretrained(folder)
    return fast


def _save(folder: Path, kind: Any, **given: Any) -> Path:
    torch.manual_seed(1)
    tokenizer = _tokenizer(folder)
    config = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=CONTEXT, **SIZES, **given)
    model = kind(config)
    for weight in model.parameters():  # so large that texts differ
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("encoder"), transformers.BertModel)


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regressor")
    return _save(folder, transformers.BertForSequenceClassification, num_labels=1)


def _alone(folder: Path, text: str, pooling: str) -> np.ndarray:
    """One text at a time, without padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    given = tokenizer(text, return_tensors="pt", truncation=True, max_length=CONTEXT)
    with torch.inference_mode():
        found = transformers.AutoModel.from_pretrained(folder).eval()(**given)
    states = found.last_hidden_state[0]
    vector = {"mean": states.mean(0), "cls": states[0], "pooler": found.pooler_output[0]}[pooling].double().numpy()
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_a_batch_gives_what_each_text_gives_alone(encoder: Path, pooling: Any) -> None:
    texts = [*TEXTS, "river " * 500]
    model = SimilarityModel(str(encoder), pooling=pooling)
    expected = np.stack([_alone(encoder, text, pooling) for text in texts])
    assert np.allclose(model.embed(texts), expected, atol=1e-4)
    assert np.allclose(model.score(texts, texts[::-1]), (expected * expected[::-1]).sum(1), atol=1e-4)


def test_a_text_is_like_itself_and_others_less(encoder: Path) -> None:
    model = SimilarityModel(str(encoder))
    assert np.allclose(model.score(TEXTS, TEXTS), 1)
    others = model.score(TEXTS, [*TEXTS[1:], TEXTS[0]])
    assert (others < 0.999).all() and (others >= -1).all()
    assert model.score([], []).shape == (0,) and model.score(["a\ud800b"], ["x"]).shape == (1,)


def test_the_pooling_is_the_folders_own(encoder: Path, tmp_path: Path) -> None:
    for path in encoder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    config = tmp_path / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode_cls_token": True}), "utf-8")
    assert np.allclose(SimilarityModel(str(tmp_path)).embed(TEXTS[:1])[0], _alone(encoder, TEXTS[0], "cls"), atol=1e-4)
    (tmp_path / "2_Dense").mkdir()
    pooled = SimilarityModel(str(tmp_path)).embed(TEXTS[:1])[0]
    assert np.allclose(pooled, _alone(encoder, TEXTS[0], "pooler"), atol=1e-4)
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}), "utf-8")
    with pytest.raises(EngineError, match="a pooling other than mean, cls, pooler"):
        SimilarityModel(str(tmp_path))


def test_estimates_are_those_of_the_pair_alone(regressor: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(regressor)
    alone = transformers.AutoModelForSequenceClassification.from_pretrained(regressor).eval()
    sources, answers = [*TEXTS, "river " * 500], [*TEXTS[::-1], "नदी " * 500]
    with torch.inference_mode():
        expected = [
            float(
                alone(**tokenizer([one], [other], return_tensors="pt", truncation=True, max_length=CONTEXT)).logits[
                    0, 0
                ]
            )
            for one, other in zip(sources, answers, strict=True)
        ]
    found = EstimationModel(str(regressor)).score(sources, answers)
    assert np.allclose(found, expected, atol=1e-4) and len(set(np.round(found, 4))) > 3


def test_a_model_that_gives_no_number_passes_nothing(regressor: Path, tmp_path: Path) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(regressor)
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    model.save_pretrained(tmp_path)
    _tokenizer(tmp_path)
    assert EstimationModel(str(tmp_path)).score(TEXTS, TEXTS).tolist() == [-np.inf] * len(TEXTS)


def test_mistakes_are_one_line(encoder: Path, regressor: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="/nowhere: no model folder"):
        SimilarityModel("/nowhere")
    with pytest.raises(EngineError, match="weights are missing, as classifier"):
        EstimationModel(str(_one_label(encoder, tmp_path / "headless"))).score(["a"], ["b"])
    three = _save(tmp_path / "three", transformers.BertForSequenceClassification, num_labels=3)
    with pytest.raises(EngineError, match="a classifier of 3 labels; a regressor has one"):
        EstimationModel(str(three)).score(["a"], ["b"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}", "utf-8")
    with pytest.raises(EngineError, match="empty: no model for this") as error:
        SimilarityModel(str(tmp_path / "empty")).score(["a"], ["b"])
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="1 translations of 2 sources"):
        SimilarityModel(str(encoder)).score(["a", "b"], ["c"])


def _one_label(encoder: Path, folder: Path) -> Path:
    """An encoder without a head, whose configuration says that it has one of one label."""
    transformers.BertModel.from_pretrained(encoder).save_pretrained(folder)
    _tokenizer(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"id2label": {"0": "a"}, "label2id": {"a": 0}}), "utf-8")
    return folder


def test_pickled_weights_are_not_read(encoder: Path, tmp_path: Path) -> None:
    _tokenizer(tmp_path)
    model = transformers.BertModel.from_pretrained(encoder)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(EngineError, match="no model for this"):
        SimilarityModel(str(tmp_path)).score(["a"], ["b"])


def test_without_the_extra_it_says_what_to_install(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("translate.similarity.find_spec", lambda name: None if name == "torch" else real(name))
    for model in (SimilarityModel, EstimationModel):
        with pytest.raises(EngineError, match=r"pip install 'multicurate\[seq2seq\]'"):
            model(str(encoder))


def test_the_checks_load_no_model_library_by_themselves() -> None:
    script = "import sys; import translate.checks.check; print({'torch', 'transformers'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


def test_the_checks_name_what_the_models_reject(encoder: Path, regressor: Path) -> None:
    source = "The village by the river is flooded every year, says the <1>."
    fluent = "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है, <1> कहता है।"
    similarity, estimation = SimilarityModel(str(encoder)), EstimationModel(str(regressor))
    plain = source.replace("<1>", " "), fluent.replace("<1>", " ")
    alike, estimate = (float(model.score([plain[0]], [plain[1]])[0]) for model in (similarity, estimation))
    names = {"source_language": "eng_Latn", "target_language": "hin_Deva", "limits": LengthLimits()}

    def reason(**given: Any) -> str | None:
        problem = check([source], [Answer(fluent, "stop")], **names, **given)[0]
        return problem and problem.reason

    at = {"dissimilar": Cutoff("to", alike + 1e-3), "low_estimate": Cutoff("to", estimate + 1e-3)}
    assert reason(cutoffs={**CUTOFFS, **at}) is None, "no model is given"
    assert reason(similarity=similarity, estimation=estimation) is None, "no cutoff is given"
    assert reason(cutoffs={**CUTOFFS, **at}, similarity=similarity, estimation=estimation) == "dissimilar"
    assert reason(cutoffs={**CUTOFFS, **at}, estimation=estimation) == "low_estimate"
    above = {"dissimilar": Cutoff("to", alike - 1e-3), "low_estimate": Cutoff("to", estimate - 1e-3)}
    assert reason(cutoffs={**CUTOFFS, **above}, similarity=similarity, estimation=estimation) is None
