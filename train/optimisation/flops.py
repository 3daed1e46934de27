"""Floating-point operations of training, and the share of the device's peak that they reach."""

import torch
from transformers import PreTrainedModel

# Dense bf16, without sparsity; NVIDIA's data sheets of A100, H100 (SXM), H200, L40S
PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}


class Flops:
    """6 for each weight of a product and token (2 forward, 4 backward; 2 of these only where the weight is trained).

    The head counts, tied or not; looking up an embedding does not. Attention: 12 * width of the heads for each pair of
    a token and one it sees, in each layer: what the documents need, which is at most half of what PaLM's formula counts.
    Experts (3-D weights) are not counted.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config.get_text_config()
        given, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        weights = [w for w in model.parameters() if w.dim() == 2 and w is not given and w is not head] + [head]
        self.a_token = sum(w.numel() * (6 if w.requires_grad else 4) for w in weights)
        heads = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        self.a_pair = 12 * config.num_hidden_layers * heads * width

    def of(self, tokens: int, pairs: int) -> float:
        return float(tokens * self.a_token + pairs * self.a_pair)


def peak(device: torch.device) -> float | None:
    """FLOP/s that the device could reach, None where they are not known (a CPU's aren't)."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((flops for known, flops in PEAK.items() if known in name), None)
