"""Models that check translations besides the rules: by description, so that the tasks of a job can open them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from curate.plan import absolute
from curate.recipe import RecipeError
from curate.translate.engines import digest
from translate.checks.check import CUTOFFS, Cutoff, Reason


@dataclass(frozen=True)
class CheckModel:
    """The path of a model, its digest, and the score at which it rejects; None: the check's own cutoff."""

    path: str
    revision: str
    cutoff: float | None

    @classmethod
    def read(cls, text: str | None, option: str, *, needs_cutoff: bool) -> Self | None:
        """MODEL or MODEL=CUTOFF, as the option has it. Raises RecipeError."""
        if not text:
            return None
        path, equals, value = text.rpartition("=") if "=" in text else (text, "", "")
        try:
            cutoff = float(value) if equals else None
        except ValueError:
            cutoff = float("nan")
        if cutoff != cutoff or (needs_cutoff and cutoff is None):
            raise RecipeError(f"{option} {text}: write {option} MODEL=CUTOFF, the cutoff a number")
        where = Path(absolute(path))
        if not where.exists():
            raise RecipeError(f"{option} {path}: no such model")
        return cls(str(where), digest(where), cutoff)


@dataclass(frozen=True)
class CheckModels:
    """None: that check is not made."""

    fluency: CheckModel | None = None
    similarity: CheckModel | None = None
    estimation: CheckModel | None = None

    @property
    def _by_reason(self) -> dict[Reason, CheckModel]:
        given: dict[Reason, CheckModel | None] = {
            "disfluent": self.fluency,
            "dissimilar": self.similarity,
            "low_estimate": self.estimation,
        }
        return {reason: model for reason, model in given.items() if model}

    @property
    def names(self) -> tuple[str, ...]:
        """What a judgement depends on."""
        return tuple(f"{reason}={model.revision}={model.cutoff}" for reason, model in self._by_reason.items())

    @property
    def cutoffs(self) -> dict[Reason, Cutoff]:
        """Those that are not the checks' own."""
        given = self._by_reason.items()
        return {r: CUTOFFS[r]._replace(value=model.cutoff) for r, model in given if model.cutoff is not None}

    def open(self) -> dict[str, Any]:
        """Arguments of `translate.checks.check.check`; nothing is loaded but a fluency model. Raises ValueError, OSError."""
        from translate.fluency.model import load
        from translate.similarity import EstimationModel, SimilarityModel

        return {
            "fluency": load(Path(self.fluency.path)) if self.fluency else None,
            "similarity": SimilarityModel(self.similarity.path) if self.similarity else None,
            "estimation": EstimationModel(self.estimation.path) if self.estimation else None,
        }


NO_MODELS = CheckModels()
