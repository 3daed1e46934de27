"""The methods that learn rows from text.

Each takes the expanded model, whose new rows are the means of their pieces, the change of vocabulary, the new tokenizer
and texts in the new language, of which it reads what its steps want; it changes the new tokens' rows, in the input matrix
and in the output matrix where the two are not tied, and no other weight. `steps` are of gradient descent; results are the
same for the same seed. Raises TrainError where there is no text, or where old tokens that spell new ones are gone.
"""

from collections.abc import Iterator
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from train.initialisation.distillation import distillation
from train.initialisation.hypernetwork import hypernetwork
from train.initialisation.vocabulary import VocabularyChange
from train.initialisation.vocadt import vocadt
from train.initialisation.word2vec import word2vec


class Learned(Protocol):
    """A method that learns rows, in place."""

    def __call__(
        self,
        model: PreTrainedModel,
        change: VocabularyChange,
        tokenizer: PreTrainedTokenizerBase,
        texts: Iterator[str],
        *,
        steps: int,
        seed: int,
    ) -> None: ...


LEARNED: dict[str, Learned] = {
    "distillation": distillation,
    "vocadt": vocadt,
    "word2vec": word2vec,
    "hypernetwork": hypernetwork,
}
