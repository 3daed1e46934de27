"""The loss of a batch of packs: the model's decoder under document masks, then the head and the cross-entropy in chunks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from train.folder import line
from train.loss import Head, chunked_cross_entropy
from train.optimisation.attention import masks
from train.recipe import TrainError

Batch = Mapping[str, Tensor]  # input_ids, labels, position_ids, document_ids: int64 [B, T]


class Objective(nn.Module):
    """A model and its loss in one module, so that sharding gathers the head's weight for both."""

    def __init__(self, model: PreTrainedModel, precision: str = "fp32") -> None:
        """precision: "bf16" for products in bf16 under autocast."""
        super().__init__()
        self.model = model
        self.head = head_of(model)
        self.autocast = precision == "bf16"

    def forward(self, batch: Batch) -> Tensor:
        """The summed loss in nats over the labels of the batch, fp32."""
        with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, enabled=self.autocast):
            hidden = self.hidden(batch)
            output = self.model.get_output_embeddings()
            bias = getattr(output, "bias", None)
            return chunked_cross_entropy(hidden, output.weight, batch["labels"], bias=bias, head=self.head)[0]

    def hidden(self, batch: Batch) -> Tensor:
        """The decoder's last hidden states, [B, T, d]."""
        config = self.model.config.get_text_config()
        mask = masks(batch["document_ids"], config, config._attn_implementation)
        decoder = self.model.get_decoder()
        output: Any = decoder(
            input_ids=batch["input_ids"],
            attention_mask=mask,
            position_ids=batch["position_ids"],
            use_cache=False,
        )
        return output.last_hidden_state


def head_of(model: PreTrainedModel) -> Head:
    """The scale and cap of the model's logits, from the names that configs give them."""
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1 / (getattr(config, "logits_scaling", None) or 1.0)
    return Head(scale=scale, softcap=getattr(config, "final_logit_softcapping", None))


@torch.no_grad()
def verify(model: PreTrainedModel) -> None:
    """Two documents in a pack have the loss that the model's own forward gives each alone. Raises TrainError.

    Catches heads that do more to the logits than is known here, and layers that don't mind masks (state-space models).
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    tokens = (torch.arange(24, device=device) * 7919 + 5) % model.get_input_embeddings().weight.shape[0]
    alone = sum(_own_loss(model, part) for part in tokens.split((10, 14)))
    try:
        packed = float(Objective(model)(_pack(tokens, (10, 14))))
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise TrainError(
            f"{type(model).__name__}: it does not take packs under document masks: {line(error)}"
        ) from None
    model.train(training)
    if not abs(packed - alone) <= 1e-3 * abs(alone) + 1e-3:
        raise TrainError(
            f"{type(model).__name__}: two documents in a pack have a loss of {packed:.4f}, alone {alone:.4f}:"
            " its head or its attention is of a kind that train does not know"
        )


def _own_loss(model: PreTrainedModel, tokens: Tensor) -> float:
    logits = model(input_ids=tokens[None], use_cache=False).logits[0, :-1].float()
    return float(nn.functional.cross_entropy(logits, tokens[1:], reduction="sum"))


def _pack(tokens: Tensor, lengths: tuple[int, ...]) -> Batch:
    parts = tokens.split(lengths)
    nothing = torch.tensor([-100], device=tokens.device)
    columns = {
        "input_ids": tokens,
        "labels": torch.cat([torch.cat([part[1:], nothing]) for part in parts]),
        "position_ids": torch.cat([torch.arange(len(part), device=tokens.device) for part in parts]),
        "document_ids": torch.cat([torch.full_like(part, at) for at, part in enumerate(parts)]),
    }
    return {name: column[None] for name, column in columns.items()}
