"""Small models and tokenizers with random weights, made where a test wants them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = (
    "The river rises in the hills and runs to the sea.",
    "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है।",
    "ஆற்றின் கரையில் உள்ள இந்தக் கிராமம் வெள்ளத்தைக் காண்கிறது.",
    "دریا کے کنارے بسا یہ گاؤں ہر سال سیلاب دیکھتا ہے۔",
    "這座河邊的村莊每年都會遭遇洪水。",
)
SPECIAL = ("<|pad|>", "<|begin|>", "<|end|>")


def tokenizer(size: int = 400) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of TEXTS; every text round-trips."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2])  # fmt: skip


def llama(rows: int, *, tied: bool = True, seed: int = 1, width: int = 32, context: int = 128) -> LlamaForCausalLM:
    """Two layers of random weights."""
    torch.manual_seed(seed)
    shape = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(
        **shape, vocab_size=rows, max_position_embeddings=context, tie_word_embeddings=tied,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def folder(path: Path, *, tied: bool = True, seed: int = 1, rows: int | None = None) -> Path:
    """A model folder with both."""
    words = tokenizer()
    llama(rows or len(words), tied=tied, seed=seed).save_pretrained(path)
    words.save_pretrained(path)
    return path
