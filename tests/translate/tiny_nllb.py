"""An NLLB with random weights and a tokenizer trained here: `python -m tests.translate.tiny_nllb FOLDER`."""

import sys

import torch
from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

from tests.translate.tiny_llama import TEXTS

CONTEXT = 128


def main(folder: str) -> None:
    tokenizer = NllbTokenizer().train_new_from_iterator(TEXTS * 20, vocab_size=500)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_layers": 1, "decoder_layers": 1}
    tokens = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = M2M100Config(
        vocab_size=len(tokenizer), d_model=32, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=CONTEXT,
        decoder_start_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id, **heads, **tokens,
    )  # fmt: skip
    M2M100ForConditionalGeneration(config).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
