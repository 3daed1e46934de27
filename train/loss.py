"""Cross-entropy over a large vocabulary without ever holding all logits.

32,768 tokens at a vocabulary of 250,000 have 33 GB of fp32 logits, and gradients as large. Here a chunk of tokens at a
time is multiplied with the head, its loss and its gradients are taken at once, and its logits go. The gradient of the
head is summed in fp32. Positions without a label are dropped before the head sees them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

IGNORED = -100  # the label of a position that has none
_CHUNK_BYTES = {"cpu": 1 << 27, "cuda": 1 << 30}  # of fp32 logits
_LEAST_TOKENS = 16  # a smaller chunk is bound by the head's memory traffic


@dataclass(frozen=True)
class Head:
    """What a model does between the last hidden state and the probabilities, but for the matrix."""

    scale: float = 1.0  # logits are multiplied with it (Cohere's logit_scale; 1 / Granite's logits_scaling)
    softcap: float | None = None  # then capped: cap * tanh(logits / cap) (Gemma 2's final_logit_softcapping)


PLAIN = Head()


def chunked_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    head: Head = PLAIN,
    chunk_tokens: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The summed loss in nats (fp32 scalar, differentiable once) and the number of labels that count.

    hidden: [..., d]; weight: [V, d]; labels: [...] int64, of the same place (not shifted here), IGNORED where there is
    none; bias: [V]. chunk_tokens: by default as many as fit a fixed budget of logits. Under autocast the products are in
    its dtype, the softmax is in fp32.
    """
    rows = labels.reshape(-1) != IGNORED
    kept = hidden.reshape(-1, hidden.shape[-1])[rows]
    wanted = labels.reshape(-1)[rows]
    size = chunk_tokens or _chunk_tokens(weight)
    total = _ChunkedCrossEntropy.apply(kept, weight, bias, wanted, head, size)
    return total, rows.sum()


@torch.no_grad()
def token_losses(
    hidden: Tensor, weight: Tensor, labels: Tensor, *, bias: Tensor | None = None, head: Head = PLAIN
) -> Tensor:
    """The loss of every position in nats, fp32 [...], 0 where there is no label."""
    rows = labels != IGNORED
    kept, wanted = hidden[rows], labels[rows]
    dtype = _compute_dtype(hidden)
    matrix = weight.to(dtype)
    losses = torch.zeros(labels.shape, dtype=torch.float32, device=hidden.device)
    chunks = [
        torch.nn.functional.cross_entropy(_logits(part.to(dtype), matrix, bias, head)[0], label, reduction="none")
        for part, label in zip(kept.split(_chunk_tokens(weight)), wanted.split(_chunk_tokens(weight)), strict=True)
    ]
    losses[rows] = torch.cat(chunks) if chunks else losses[rows]
    return losses


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradients are taken with the loss, while a chunk's logits are there, and scaled on the way back."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, head: Head, chunk_tokens: int
    ) -> Tensor:
        dtype = _compute_dtype(hidden)
        matrix = weight.detach().to(dtype)
        gradients = _Gradients.zeros(hidden, weight, bias, ctx.needs_input_grad)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(labels), chunk_tokens):
            part = slice(start, start + chunk_tokens)
            given = hidden[part].detach().to(dtype)
            logits, slope = _logits(given, matrix, bias, head)
            loss, of_logits = _loss_and_gradient(logits, labels[part])
            total += loss
            gradients.add(part, of_logits if slope is None else of_logits.mul_(slope), given, matrix, head)
        ctx.gradients = gradients
        ctx.dtypes = (hidden.dtype, weight.dtype, None if bias is None else bias.dtype)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Any, ...]:
        if ctx.gradients is None:
            raise RuntimeError("chunked_cross_entropy: its gradients were already taken (backward a second time)")
        found = (ctx.gradients.hidden, ctx.gradients.weight, ctx.gradients.bias)
        ctx.gradients = None
        pairs = zip(found, ctx.dtypes, strict=True)
        return (*(None if gradient is None else gradient.mul_(factor).to(dtype) for gradient, dtype in pairs), None, None, None)  # fmt: skip


@dataclass
class _Gradients:
    """Of the summed loss; None where nobody wants it. Those of the matrix and the bias are sums in fp32."""

    hidden: Tensor | None
    weight: Tensor | None
    bias: Tensor | None

    @classmethod
    def zeros(cls, hidden: Tensor, weight: Tensor, bias: Tensor | None, wanted: Sequence[bool]) -> Self:
        return cls(
            torch.zeros_like(hidden) if wanted[0] else None,
            torch.zeros_like(weight, dtype=torch.float32) if wanted[1] else None,
            torch.zeros_like(bias, dtype=torch.float32) if bias is not None and wanted[2] else None,
        )

    def add(self, part: slice, of_logits: Tensor, hidden: Tensor, matrix: Tensor, head: Head) -> None:
        """A chunk's share, from the gradient of its logits [n, V] (which it changes)."""
        if self.bias is not None:
            self.bias += of_logits.sum(0)
        if head.scale != 1.0:
            of_logits *= head.scale
        of_products = of_logits.to(matrix.dtype)
        if self.hidden is not None:
            self.hidden[part] = of_products @ matrix
        if self.weight is not None:
            _add_product(self.weight, of_products.T, hidden)


def _logits(hidden: Tensor, matrix: Tensor, bias: Tensor | None, head: Head) -> tuple[Tensor, Tensor | None]:
    """fp32 logits [n, V], and the softcap's slope there."""
    logits = (hidden @ matrix.T).float()
    if head.scale != 1.0:
        logits *= head.scale
    if bias is not None:
        logits += bias.detach()
    if head.softcap is None:
        return logits, None
    bent = torch.tanh(logits.div_(head.softcap))
    return bent * head.softcap, 1 - bent * bent


def _loss_and_gradient(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The chunk's summed loss, and softmax minus one-hot. (PyTorch's logsumexp takes six times log_softmax on a CPU.)"""
    logarithms = torch.log_softmax(logits, dim=1)
    own = logarithms.gather(1, labels[:, None])
    loss = -own.sum()
    gradient = logarithms.exp_()
    gradient.scatter_add_(1, labels[:, None], torch.full_like(own, -1.0))
    return loss, gradient


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left @ right, in fp32 where the product is in another type."""
    if left.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def _compute_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


def _chunk_tokens(weight: Tensor) -> int:
    budget = _CHUNK_BYTES["cpu" if weight.device.type == "cpu" else "cuda"]
    return max(_LEAST_TOKENS, budget // (4 * weight.shape[0]))
