"""A conversation as token ids by the tokenizer's chat template, and which of them the assistant says.

Tokens are those of the whole conversation's text, as they are when the model answers. An answer's part of the text is
what the template adds to the conversation before it with the generation prompt; so no template needs {% generation %}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from train.chat.rows import Message
from train.folder import line
from train.recipe import TrainError

# For a tokenizer without a template: needs no token that is not there. The line break before an answer keeps its first
# token apart from the question, which a space would be joined with
PLAIN = (
    "{{ bos_token or '' }}{% for message in messages %}{{ message.role | capitalize }}:{{ '\\n' }}{{ message.content }}"
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{{ '\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """input ids, int32, and for each whether it is to be learned, bool."""

    tokens: np.ndarray
    learned: np.ndarray


def with_template(tokenizer: PreTrainedTokenizerBase, template: str | None) -> PreTrainedTokenizerBase:
    """template: None: the tokenizer's own; "plain"; or Jinja. Raises TrainError where there is none."""
    if template is None and tokenizer.chat_template is None:
        raise TrainError('the tokenizer has no chat template: sft.template = "plain", or a file with one')
    if template == "plain" and tokenizer.eos_token is None:
        raise TrainError('sft.template: "plain" ends answers with the end token, and the tokenizer has none')
    if template is not None:
        tokenizer.chat_template = PLAIN if template == "plain" else template
    return tokenizer


def speak(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase) -> Spoken | None:
    """None where the template shows earlier turns otherwise once there is a later one: what is learned would never be
    what is answered to. Raises TrainError for a template that fails."""
    whole = _render(messages, tokenizer, ask=False)
    spans = []
    for at, message in enumerate(messages):
        if message.loss:
            before = _render(messages[:at], tokenizer, ask=True)
            after = _render(messages[: at + 1], tokenizer, ask=False)
            if not after.startswith(before) or not whole.startswith(after):
                return None
            spans.append((len(before), len(after.rstrip())))
    encoded: Any = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    offsets = np.array(encoded["offset_mapping"], np.int64).reshape(-1, 2)
    learned = np.zeros(len(offsets), bool)
    for start, end in spans:
        learned |= (offsets[:, 0] >= start) & (offsets[:, 1] <= end) & (offsets[:, 1] > offsets[:, 0])
    return Spoken(np.array(encoded["input_ids"], np.int32), learned)


def ends(spoken: Spoken, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The id of the special token that ends the last answer; None where the template ends it with none."""
    last = int(spoken.tokens[np.flatnonzero(spoken.learned)[-1]])
    return last if last in set(tokenizer.all_special_ids) or last in tokenizer.added_tokens_decoder else None


def _render(messages: Sequence[Message], tokenizer: PreTrainedTokenizerBase, *, ask: bool) -> str:
    plain = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=ask))
    except Exception as error:  # a template is a program of its own; it raises what it likes
        raise TemplateRefusal(line(error)) from None


class TemplateRefusal(TrainError):
    """The template does not take the conversation."""
