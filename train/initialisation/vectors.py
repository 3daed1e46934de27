"""Word vectors by fastText (Bojanowski et al. 2017), trained or read in a process of their own.

With one thread fastText 0.9.3 fills a tenth of its matrix (DenseMatrix::uniform in densematrix.cc) and leaves the rest as
the memory was: zeros for the big blocks of a new process, anything in a process that has trained before, NaN too. A
process also gives back a model's gigabytes, and its crash at a damaged file is no crash here.
`python -m train.initialisation.vectors FOLDER` is that process.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from train.recipe import TrainError

_SHARED: dict[str, Any] = {"model": "cbow", "dim": 100, "neg": 10}
OF_TOKENS = _SHARED | {"epoch": 3, "minCount": 10}  # FOCUS (Dobler and de Melo 2023, section 3.2)
OF_WORDS = _SHARED | {"epoch": 20, "minn": 5, "maxn": 5}  # WECHSEL (Minixhofer et al. 2022, appendix)
_TEXT, _REQUEST, _WORDS, _VALUES = "text.txt", "request.json", "words.json", "values.safetensors"
_END = "</s>"  # fastText's word for the end of a line


@dataclass(frozen=True)
class Vectors:
    words: list[str]
    values: np.ndarray  # fp32 [words, v]; zeros where a word has no vector
    known: np.ndarray  # bool [words]: a word of the training text, not one composed of its parts

    @cached_property
    def index(self) -> dict[str, int]:
        return {word: at for at, word in enumerate(self.words)}

    def of(self, words: Sequence[str]) -> np.ndarray:
        """[words, v]. Each must be among those that were asked for."""
        found: np.ndarray = self.values[[self.index[word] for word in words]]
        return found


def trained(
    lines: Iterable[str], settings: Mapping[str, Any], words: Iterable[str] | None, *, threads: int = 1
) -> Vectors:
    """Vectors from text whose words have white space between them, a document a line.

    settings: fastText's, by its names. words: those wanted; None for all of the text's. With more than one thread no
    two trainings are alike. Raises TrainError: no word is frequent enough, NaN.
    """
    return _asked({"settings": {**settings, "thread": threads}}, words, lines)


def loaded(path: Path, words: Iterable[str] | None) -> Vectors:
    """Vectors of a fastText model (.bin), or of a text file with a word and its numbers a line (.vec). Raises TrainError."""
    if path.suffix not in (".bin", ".vec"):
        raise TrainError(f"{path}: a fastText model (.bin) or its text form (.vec) is wanted")
    if not path.is_file():
        raise TrainError(f"{path}: no such file of word vectors")
    return _asked({"file": str(path.resolve())}, words, ())


def _asked(request: dict[str, Any], words: Iterable[str] | None, lines: Iterable[str]) -> Vectors:
    request["words"] = None if words is None else list(dict.fromkeys(words))
    try:
        with tempfile.TemporaryDirectory(prefix="vectors-") as name:
            folder = Path(name)
            with (folder / _TEXT).open("w", encoding="utf-8", errors="replace") as file:
                file.writelines(" ".join(text.split()) + "\n" for text in lines)
            (folder / _REQUEST).write_text(json.dumps(request), "utf-8")
            return _answer(request, folder)
    except OSError as error:
        raise TrainError(f"word vectors: {error.filename or 'a temporary folder'}: {error.strerror or error}") from None


def _answer(request: dict[str, Any], folder: Path) -> Vectors:
    done = subprocess.run([sys.executable, "-m", __name__, str(folder)], capture_output=True, text=True)
    what = request.get("file", "word vectors from the texts")
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"fastText ended with {done.returncode}"]
        raise TrainError(f"{what}: {why[-1][:200]}")
    found = load_file(folder / _VALUES)
    if not np.isfinite(found["values"]).all():
        raise TrainError(f"{what}: NaN or infinity among the vectors")
    return Vectors(json.loads((folder / _WORDS).read_text("utf-8")), found["values"], found["known"])


def work(folder: Path) -> None:
    """Answer the request in a folder, in it."""
    request = json.loads((folder / _REQUEST).read_text("utf-8"))
    if request.get("file", "").endswith(".vec"):
        words, values, known = _text_vectors(request["file"], request["words"])
    else:
        words, values, known = _model_vectors(request, folder)
    save_file({"values": values, "known": known}, folder / _VALUES)
    (folder / _WORDS).write_text(json.dumps(words), "utf-8")


def _model_vectors(request: dict[str, Any], folder: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    import fasttext

    if "file" in request:
        model = fasttext.load_model(request["file"])
    else:
        model = fasttext.train_unsupervised(str(folder / _TEXT), verbose=0, **request["settings"])
    own = [word for word in model.get_words(on_unicode_error="replace") if word != _END and "\ufffd" not in word]
    words = own if request["words"] is None else request["words"]
    values = np.zeros((len(words), model.get_dimension()), np.float32)
    for at, word in enumerate(words):
        values[at] = model.get_word_vector(word)
    return words, values, np.array([model.get_word_id(word) != -1 for word in words], bool)


def _text_vectors(path: str, wanted: list[str] | None) -> tuple[list[str], np.ndarray, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    chosen = None if wanted is None else set(wanted)
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        width = int(file.readline().split()[1])  # the first line: words, numbers of a vector
        for line in file:
            word, *numbers = line.rstrip().rsplit(" ", width)
            if word != _END and (chosen is None or word in chosen):
                found[word] = np.array(numbers, np.float32)
    words = list(found) if wanted is None else wanted
    nothing = np.zeros(width, np.float32)
    values = np.stack([found.get(word, nothing) for word in words]) if words else np.zeros((0, width), np.float32)
    return words, values, np.array([word in found for word in words], bool)


if __name__ == "__main__":
    work(Path(sys.argv[1]))
