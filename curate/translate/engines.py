"""An engine by description: it travels to the tasks of a job, where an open engine cannot."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from translate.engine import Engine, open_engine
from translate.server import Limits

EDGE_BYTES = 1 << 16  # of each end of a weight file that its digest reads


class EngineSource(Protocol):
    """What an engine is opened from; picklable. Opening is cheap: an engine loads or connects at its first use."""

    def open(self) -> Engine: ...


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """A name of `translate.engine.open_engine` and what belongs to it."""

    name: str
    model: str
    revision: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)  # of the model, where it runs in this process
    key_variable: str | None = None  # environment variable; must be set where the engine is opened
    limits: Limits = field(default_factory=Limits)  # of a server

    def open(self) -> Engine:
        """Raises EngineError for an unknown name, an address that is none, an unset variable."""
        return open_engine(
            self.name,
            model=self.model,
            revision=self.revision,
            options=self.options,
            key_variable=self.key_variable,
            limits=self.limits,
        )


def digest(model: Path) -> str:
    """Of a model's file, or files: names, sizes and both ends, so that another under the same path is another."""
    found = hashlib.blake2b(digest_size=8)
    files = [model] if model.is_file() else sorted(path for path in model.rglob("*") if path.is_file())
    for path in files:
        size = path.stat().st_size
        found.update(f"{path.relative_to(model)} {size}\n".encode())
        with path.open("rb") as file:
            found.update(file.read(EDGE_BYTES))
            file.seek(max(0, size - EDGE_BYTES))
            found.update(file.read(EDGE_BYTES))
    return f"local:{found.hexdigest()}"
