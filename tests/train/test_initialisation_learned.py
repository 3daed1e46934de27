"""Methods that learn rows from text, each against a direct computation of its objective and its gradient."""

import copy
import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from transformers import PreTrainedModel

from tests.train.models import TEXTS, llama, tokenizer
from train.embeddings import Embeddings, expand
from train.initialisation import distillation, hypernetwork, vocadt, word2vec
from train.initialisation.learned import LEARNED
from train.initialisation.rows import Text, mean_loss, places, read, training
from train.initialisation.vocabulary import VocabularyChange, compare
from train.optimisation.objective import Objective
from train.recipe import TrainError

CPU = torch.device("cpu")
OLD, NEW = tokenizer(280), tokenizer(400)
CHANGE = compare(OLD, NEW)
NUMBERS = places(CHANGE, CPU)


def expanded(tied: bool = True) -> PreTrainedModel:
    """Rows an order of magnitude above the initialisation's, so that a prediction depends on what was read."""
    model = llama(len(OLD), tied=tied)
    with torch.no_grad():
        for weight in {id(w): w for w in model.parameters()}.values():
            if weight.dim() == 2:
                weight.mul_(5)
    expand(model, OLD, NEW, Embeddings(input="subtoken_mean"))
    return model


def matrices(model: PreTrainedModel) -> list[Tensor]:
    layers = model.get_input_embeddings(), model.get_output_embeddings()
    return list({layer.weight.data_ptr(): layer.weight.detach().clone() for layer in layers}.values())


def language_loss(model: PreTrainedModel) -> float:
    """Nats per token of TEXTS, by the model's own loss."""
    found, count = 0.0, 0
    for text in TEXTS:
        ids = torch.tensor([[*NEW.encode(text), NEW.eos_token_id]])
        with torch.no_grad():
            found += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    return found / count


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", LEARNED)
def test_only_new_rows_move_and_the_seed_decides(name: str, tied: bool) -> None:
    start, runs = expanded(tied), []
    others = torch.ones(len(matrices(start)[0]), dtype=torch.bool)
    others[list(CHANGE.added)] = False
    for seed in (1, 1, 2):
        model = copy.deepcopy(start).train()
        LEARNED[name](model, CHANGE, NEW, iter(TEXTS), steps=4, seed=seed)
        assert model.training and all(each.requires_grad and each.grad is None for each in model.parameters())
        assert len(matrices(model)) == 2 - tied
        for before, after in zip(matrices(start), matrices(model), strict=True):
            assert torch.equal(before[others], after[others]) and torch.isfinite(after).all()
            assert (before != after)[~others].any(1).float().mean() > 0.6  # some occur in no text
        body = [(name, each) for name, each in start.named_parameters() if "embed" not in name and "head" not in name]
        assert body and all(torch.equal(each, model.get_parameter(name)) for name, each in body)
        runs.append(torch.cat(matrices(model)))
    assert torch.allclose(runs[0], runs[1], atol=1e-5) and not torch.allclose(runs[0], runs[2], atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", ["distillation", "vocadt", "hypernetwork"])
def test_new_tokens_are_predicted_better(name: str, tied: bool) -> None:
    model = expanded(tied)
    before = language_loss(model)
    LEARNED[name](model, CHANGE, NEW, iter(TEXTS), steps=20, seed=1)
    assert language_loss(model) < before - 0.1


@pytest.mark.parametrize("name", LEARNED)
def test_nothing_new_and_no_steps_change_nothing(name: str) -> None:
    model = expanded()
    before = matrices(model)
    LEARNED[name](model, VocabularyChange({0: 0}, (), ()), NEW, iter(()), steps=3, seed=1)
    assert torch.equal(before[0], matrices(model)[0])
    if name != "word2vec":  # its start has a share of each neighbour
        LEARNED[name](model, CHANGE, NEW, iter(TEXTS), steps=0, seed=1)
        assert torch.allclose(before[0], matrices(model)[0], atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_what_cannot_be_learned_from_is_refused(name: str) -> None:
    for texts in ((), ("",)):
        with pytest.raises(TrainError, match="there is none"):
            LEARNED[name](expanded(), CHANGE, NEW, iter(texts), steps=3, seed=1)
    lost = VocabularyChange({0: 0, 1: 1}, (2,), ((0, 5),))
    with pytest.raises(TrainError, match=r"1 old tokens .* \(old id 5\)"):
        LEARNED[name](expanded(), lost, NEW, iter(TEXTS), steps=3, seed=1)


def test_texts_without_new_tokens_teach_none() -> None:
    with pytest.raises(TrainError, match="no new token occurs"):
        distillation.distillation(expanded(), CHANGE, NEW, iter(("q z Q",)), steps=3, seed=1)


def test_moved_tokens_are_found_where_they_are_now() -> None:
    found = places(VocabularyChange({7: 0, 3: 1, 5: 1}, (4, 6), ((0, 1), (1,))), CPU)
    assert found.new.tolist() == [4, 6] and found.old.tolist() == [3, 5, 7] and found.pieces == ((7, 3), (3,))


def test_windows_are_of_documents() -> None:
    text = read(NEW, iter(TEXTS), 10_000)
    documents = [[*NEW.encode(each), NEW.eos_token_id] for each in TEXTS]
    assert text.ids.tolist() == [token for each in documents for token in each]
    starts = np.array([0, 9, len(documents[0]) - 3])
    batch = text.windows(starts, 20, CPU)
    for row, start in enumerate(starts):
        for at in range(20):
            place = int(start) + at
            document, within = next((n, place - sum(map(len, documents[:n]))) for n in range(4) if place < sum(map(len, documents[: n + 1])))  # fmt: skip
            first = max(int(start) - sum(map(len, documents[:document])), 0)
            own = documents[document]
            assert batch["input_ids"][row, at] == own[within]
            assert batch["labels"][row, at] == (own[within + 1] if within + 1 < len(own) else -100)
            assert batch["position_ids"][row, at] == within - first and batch["document_ids"][row, at] == document


def test_candidates_are_the_pieces_and_the_nearest_rows() -> None:
    rows = matrices(expanded())[0][NUMBERS.old]
    chosen, shares = vocadt.candidates(rows, NUMBERS, nearest=3)
    most = max(len(set(pieces)) for pieces in NUMBERS.pieces)
    old = NUMBERS.old.tolist()
    assert chosen.shape == (len(CHANGE.added), most + 3)
    for ids, weights, pieces in zip(chosen.tolist(), shares.tolist(), NUMBERS.pieces, strict=True):
        counts = Counter(old.index(piece) for piece in pieces)
        assert {at: weight for at, weight in zip(ids, weights, strict=True) if weight} == pytest.approx({at: n / len(pieces) for at, n in counts.items()})  # fmt: skip
        mean = torch.stack([rows[old.index(piece)] for piece in pieces]).mean(0)
        cosines = {at: float(torch.cosine_similarity(mean, row, dim=0)) for at, row in enumerate(rows) if at not in counts}  # fmt: skip
        far = set(cosines) - set(ids)
        assert len(set(ids)) == most + 3
        assert min(cosines[at] for at in ids if at in cosines) >= max(cosines[at] for at in far) - 1e-6


@pytest.mark.parametrize("tied", [True, False])
def test_the_combinations_gradient(tied: bool) -> None:
    """Against autograd through matrices in which the new rows are written out as sums."""
    model = expanded(tied)
    batch = read(NEW, iter(TEXTS), 1000).windows(np.array([0, 30, 70]), 24, CPU)
    with training(model, NUMBERS.new) as rows:
        made = [vocadt.Combination(matrix[NUMBERS.old], NUMBERS) for matrix in rows.matrices]
        found = [each() for each in made]
        rows.write(found)
        rows.backward(mean_loss(Objective(model), batch), found)
    weights = [each.weights.detach().clone().requires_grad_() for each in made]
    names = ["model.embed_tokens.weight", "lm_head.weight"]
    whole = {}
    for name, each, matrix, weight in zip(names, made, matrices(model), weights, strict=False):
        dense = torch.zeros(len(NUMBERS.new), len(each.rows)).scatter(1, each.candidates, weight)
        whole[name] = matrix.index_put((NUMBERS.new,), dense @ each.rows)
    if tied:
        whole[names[1]] = whole[names[0]]
    mask = (batch["document_ids"][:, :, None] == batch["document_ids"][:, None]).tril()[:, None]
    given = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"], "attention_mask": mask}
    logits = functional_call(model, whole, kwargs=given, tie_weights=False).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten()).backward()
    for each, weight in zip(made, weights, strict=True):
        assert weight.grad is not None and weight.grad.abs().max() > 1e-4
        assert torch.allclose(each.weights.grad, weight.grad, atol=1e-6)


def spelled(text: Text) -> distillation.Spelling:
    return distillation.Spelling(text, NUMBERS, NEW.bos_token_id, 10_000)


def test_the_teacher_reads_the_old_segmentation() -> None:
    spelling = spelled(read(NEW, iter(TEXTS), 10_000))
    at = 0
    for text in TEXTS:
        tokens, pieces = spelling.snippet(at)
        ids = [*NEW.encode(text), NEW.eos_token_id]
        assert tokens == [NEW.bos_token_id, *ids[: distillation.LENGTH]]
        kept = [piece for each in pieces[1:] for piece in each]
        if len(ids) <= distillation.LENGTH:
            assert kept == [*OLD.encode(text), OLD.eos_token_id]
        at += len(ids)


def test_the_distance_of_student_and_teacher() -> None:
    """Each snippet alone through the model's own forward, places found by counting the teacher's pieces."""
    model = expanded().requires_grad_(False)
    spelling = spelled(read(NEW, iter(TEXTS), 10_000))
    starts = spelling.starts(3)[:6]
    total, count = 0.0, 0
    for start in starts:
        tokens, pieces = spelling.snippet(int(start))
        flat = [piece for each in pieces for piece in each]
        student, teacher = (
            model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0].detach()
            for ids in (tokens, flat)
        )
        place, seen = -1, False
        for at, (token, each) in enumerate(zip(tokens, pieces, strict=True)):
            place, seen = place + len(each), seen or token in CHANGE.added
            if seen:
                total, count = total + float((student[at] - teacher[place]).square().sum()), count + student.shape[1]
            else:
                assert torch.allclose(student[at], teacher[place], atol=1e-5)
    made, _ = distillation.distance(Objective(model), spelling.batch(starts, CPU))
    assert total / count > 0.01 and float(made) == pytest.approx(total / count, rel=1e-4)


def test_snippets_are_laid_around_every_new_token() -> None:
    text = read(NEW, iter(TEXTS * 200), 10**6)
    spelling = spelled(text)
    starts = spelling.starts(1)
    new = np.isin(text.ids, CHANGE.added)
    frequent = Counter(text.ids[new].tolist())
    assert len(starts) == sum(min(distillation.OCCURRENCES, count) for count in frequent.values())
    assert all(new[start : start + distillation.LENGTH // 2].any() for start in starts)
    assert (starts != spelling.starts(2)).any()


def test_a_short_context_shortens_snippets() -> None:
    spelling = distillation.Spelling(read(NEW, iter(TEXTS), 10_000), NUMBERS, NEW.bos_token_id, 17)
    tokens, pieces = spelling.snippet(0)
    assert 17 - max(map(len, NUMBERS.pieces)) < sum(map(len, pieces)) <= 17 and len(tokens) == len(pieces)


def test_distillation_brings_the_states_nearer() -> None:
    model = expanded(tied=False)
    batch = spelled(read(NEW, iter(TEXTS), 10_000)).batch(np.array([0, 20, 40, 60]), CPU)
    before = distillation.distance(Objective(model), batch)[0].item()
    distillation.distillation(model, CHANGE, NEW, iter(TEXTS), steps=20, seed=1)
    assert distillation.distance(Objective(model), batch)[0].item() < 0.9 * before


def test_skip_gram() -> None:
    torch.manual_seed(2)
    centre, context, negatives = torch.randn(4, 6), torch.randn(4, 6), torch.randn(4, 5, 6)

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    wanted = 0.0
    for c, near, far in zip(centre, context, negatives, strict=True):
        wanted -= math.log(sigmoid(float(c @ near)))
        for each in far:
            wanted -= math.log(sigmoid(-float(c @ each)))
    assert float(word2vec.skip_gram(centre, context, negatives)) == pytest.approx(wanted / 4, rel=1e-5)


@pytest.mark.parametrize("side", [0, 1])
def test_convex_rows(side: int) -> None:
    matrix = matrices(expanded(tied=False))[side]
    made = word2vec.ConvexRows(matrix, NUMBERS)
    torch.nn.init.normal_(made.logits)
    ids = torch.tensor([[3, CHANGE.added[0], 270], [CHANGE.added[5], CHANGE.added[0], 3]])
    vectors = made(ids)
    for token, vector in zip(ids.flatten().tolist(), vectors.flatten(0, 1), strict=True):
        if token not in CHANGE.added:
            assert torch.equal(vector, matrix[token])
            continue
        at = CHANGE.added.index(token)
        shares = np.exp(made.logits[at].detach().double().numpy())
        shares /= shares.sum()
        wanted = sum(share * matrix[NUMBERS.old[row]].double().numpy() for share, row in zip(shares, made.candidates[at].tolist(), strict=True))  # fmt: skip
        assert np.allclose(vector.detach().numpy(), wanted, atol=1e-5)
    assert torch.equal(made.new()[[0, 5]], vectors[[0, 1], [1, 0]])


def test_the_logits_learn() -> None:
    matrix = matrices(expanded())[0]
    centres, contexts = word2vec.ConvexRows(matrix, NUMBERS), word2vec.ConvexRows(matrix, NUMBERS)
    pairs = word2vec.Pairs(read(NEW, iter(TEXTS), 10_000), len(matrix), 1)
    centre, context, negatives = (torch.from_numpy(each).long() for each in pairs.draw(2000))
    optimiser = torch.optim.Adam([centres.logits, contexts.logits], lr=0.5)
    start, losses = (centres.logits.detach().clone(), contexts.logits.detach().clone()), []
    for _ in range(30):
        optimiser.zero_grad()
        loss = word2vec.skip_gram(centres(centre), contexts(context), contexts(negatives))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.03
    assert all((a != b.logits).any(1).float().mean() > 0.6 for a, b in zip(start, (centres, contexts), strict=True))


def test_pairs_stay_in_window_and_document() -> None:
    text = Text(np.arange(60, dtype=np.int32), np.repeat([0, 1, 2], [30, 8, 22]))  # a token is its place
    centre, context, _ = word2vec.Pairs(text, 60, 1).draw(40_000)
    found = Counter(zip(centre.tolist(), context.tolist(), strict=True))
    wanted = {(a, b) for a in range(60) for b in range(60) if 0 < abs(a - b) <= 5 and text.documents[a] == text.documents[b]}  # fmt: skip
    assert found.keys() == wanted
    assert min(found.values()) > 0.5 * max(found.values())


def test_negatives_follow_the_frequencies() -> None:
    ids = np.repeat([3, 5, 6], [81, 16, 1]).astype(np.int32)
    drawn = word2vec.Pairs(Text(ids, np.zeros(98, np.int64)), 9, 1).negatives(20_000)
    shares = np.bincount(drawn.ravel(), minlength=9) / drawn.size
    assert drawn.shape == (20_000, 5)
    assert np.allclose(shares, np.array([0, 0, 0, 27, 0, 8, 1, 0, 0]) / 36, atol=0.01)


@pytest.mark.parametrize("tied", [True, False])
def test_the_network_starts_from_the_mean(tied: bool) -> None:
    model = expanded(tied)
    network = hypernetwork.Hypernetwork(matrices(model), max(map(len, NUMBERS.pieces)))
    for made, matrix in zip(network(NUMBERS.pieces), matrices(model), strict=True):
        assert torch.allclose(made, matrix[NUMBERS.new], atol=1e-5)
    torch.nn.init.normal_(network.leave.weight)
    alone = [network([pieces]) for pieces in NUMBERS.pieces[:9]]
    for side, made in enumerate(network(NUMBERS.pieces[:9])):  # padding says nothing
        assert torch.allclose(made, torch.cat([each[side] for each in alone]), atol=1e-4)


def test_the_network_learns_old_rows() -> None:
    torch.manual_seed(1)
    found = dict(hypernetwork.merged(NEW, NUMBERS.old.tolist()))
    names = NEW.convert_ids_to_tokens
    assert len(found) == len(OLD) - 256 - 3
    assert all("".join(names(list(parts))) == names(token) for token, parts in found.items())
    network = hypernetwork.Hypernetwork(matrices(expanded(tied=False)), 8)
    optimiser, losses = torch.optim.AdamW(network.parameters(), lr=1e-3), []
    for _ in range(40):
        optimiser.zero_grad()
        loss = hypernetwork.reproduction(network, list(found.items()))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_pieces_spell_the_new_tokens() -> None:
    names = NEW.convert_ids_to_tokens
    for token, pieces in zip(NUMBERS.new.tolist(), NUMBERS.pieces, strict=True):
        assert "".join(names(list(pieces))) == names(token)
