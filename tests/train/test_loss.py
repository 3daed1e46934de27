"""The chunked cross-entropy against PyTorch's on all logits at once: loss and every gradient."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from train.loss import IGNORED, Head, chunked_cross_entropy, token_losses

TOKENS, WIDTH, VOCABULARY = 50, 24, 97


def _inputs(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    hidden = torch.randn(2, TOKENS // 2, WIDTH, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(VOCABULARY, WIDTH, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    bias = torch.randn(VOCABULARY, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    labels = torch.randint(VOCABULARY, (2, TOKENS // 2), generator=draw)
    labels[0, ::3] = IGNORED
    labels[1, -1] = IGNORED
    return hidden, weight, bias, labels


def _plain(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, labels: torch.Tensor, head: Head
) -> torch.Tensor:
    logits = (hidden @ weight.T) * head.scale
    logits = logits if bias is None else logits + bias
    logits = logits if head.softcap is None else head.softcap * torch.tanh(logits / head.softcap)
    return cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum")


@pytest.mark.parametrize("chunk_tokens", [1, 7, 1000, None])
@pytest.mark.parametrize("head", [Head(), Head(scale=0.3), Head(softcap=5.0), Head(scale=2.0, softcap=3.0)])
@pytest.mark.parametrize("with_bias", [False, True])
def test_loss_and_gradients_are_those_of_the_whole(chunk_tokens: int | None, head: Head, with_bias: bool) -> None:
    hidden, weight, bias, labels = _inputs(torch.float32)
    given = (hidden, weight, bias) if with_bias else (hidden, weight)
    expected = _plain(hidden, weight, bias if with_bias else None, labels, head)
    wanted = torch.autograd.grad(expected / 3, given)
    loss, count = chunked_cross_entropy(
        hidden, weight, labels, bias=bias if with_bias else None, head=head, chunk_tokens=chunk_tokens
    )
    found = torch.autograd.grad(loss / 3, given)
    assert int(count) == int((labels != IGNORED).sum()) < labels.numel()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    for ours, theirs in zip(found, wanted, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_head_tied_to_the_embeddings_gets_both_gradients() -> None:
    _, weight, _, labels = _inputs(torch.float32)
    ids = labels.clamp(min=0)
    expected = _plain(weight[ids], weight, None, labels, Head())
    (wanted,) = torch.autograd.grad(expected, weight)
    loss, _ = chunked_cross_entropy(weight[ids], weight, labels, chunk_tokens=5)
    (found,) = torch.autograd.grad(loss, weight)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_in_bf16_the_head_gradient_is_summed_in_fp32() -> None:
    """Summed in bf16, fifty single tokens lose a tenth of the smaller gradients."""
    hidden, weight, _, labels = _inputs(torch.bfloat16)
    expected = _plain(hidden.float(), weight.float(), None, labels, Head())
    (wanted,) = torch.autograd.grad(expected, weight)
    loss, _ = chunked_cross_entropy(hidden, weight, labels, chunk_tokens=1)
    (found,) = torch.autograd.grad(loss, weight)
    assert found.dtype == torch.bfloat16
    assert (found.float() - wanted.float()).norm() / wanted.float().norm() < 0.01
    torch.testing.assert_close(loss, expected, rtol=0.01, atol=0.0)


def test_autocast_decides_the_type_of_the_products() -> None:
    hidden, weight, _, labels = _inputs(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = chunked_cross_entropy(hidden, weight, labels)
    exact, _ = chunked_cross_entropy(hidden, weight, labels)
    assert loss.dtype == torch.float32
    assert loss != exact
    torch.testing.assert_close(loss, exact, rtol=0.01, atol=0.0)
    (found,) = torch.autograd.grad(loss, weight)
    assert found.dtype == torch.float32


def test_labels_that_are_all_ignored_give_zero_and_zero_gradients() -> None:
    hidden, weight, _, labels = _inputs(torch.float32)
    loss, count = chunked_cross_entropy(hidden, weight, torch.full_like(labels, IGNORED))
    assert (float(loss.detach()), int(count)) == (0.0, 0)
    found = torch.autograd.grad(loss, (hidden, weight))
    assert all(not gradient.any() for gradient in found)


def test_token_losses_are_the_parts_of_the_sum() -> None:
    hidden, weight, bias, labels = _inputs(torch.float32)
    losses = token_losses(hidden, weight, labels, bias=bias, head=Head(softcap=4.0))
    loss, _ = chunked_cross_entropy(hidden, weight, labels, bias=bias, head=Head(softcap=4.0))
    assert losses.shape == labels.shape
    assert not losses[labels == IGNORED].any()
    torch.testing.assert_close(losses.sum(), loss.detach())


def test_gradients_are_taken_once() -> None:
    hidden, weight, _, labels = _inputs(torch.float32)
    loss, _ = chunked_cross_entropy(hidden, weight, labels)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()
