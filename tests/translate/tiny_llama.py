"""A Llama with random weights, its tokenizer and chat template: `python tiny_llama.py FOLDER`, in vLLM's environment."""

import sys
from collections.abc import Iterable, Mapping

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = [
    "The river rises in the hills and runs to the sea.",
    "नदी के किनारे बसा यह गाँव हर साल बाढ़ देखता है।",
    "ஆற்றின் கரையில் உள்ள இந்தக் கிராமம் ஆண்டுதோறும் வெள்ளத்தைக் காண்கிறது.",
    "دریا کے کنارے بسا یہ گاؤں ہر سال سیلاب دیکھتا ہے۔",
    "這座河邊的村莊每年都會遭遇洪水。",
]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 2048
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}


def save(
    folder: str, texts: Iterable[str] = TEXTS, vocabulary: int = 600, shape: Mapping[str, float | bool] = SHAPE
) -> None:
    """Into the folder: a tokenizer learned from the texts, and weights for it. `shape`: fields of LlamaConfig."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(**shape, vocab_size=len(wrapped), max_position_embeddings=CONTEXT, eos_token_id=2)
    LlamaForCausalLM(config).save_pretrained(folder)


if __name__ == "__main__":
    save(sys.argv[1])
