"""Self-supervised pretraining: `run` a config on a corpus, then `export` the backbone to the catalogue.

A function is imported when it is first used. `lvmmed_backbones.pretrain.registration` registers everything that the
pretraining configs name.
"""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.importing import on_first_use

__all__ = ["CONFIGS", "compose", "config_names", "export", "run"]

CONFIGS = Path(__file__).resolve().parent / "configs"


__getattr__, __dir__ = on_first_use(
    __name__,
    {"compose": "composing", "export": "exporting", "run": "running"},
    extra="openmmlab",
)


def config_names() -> list[str]:
    """Return the names of our configs in alphabetical order."""
    return sorted(file.stem for file in CONFIGS.glob("*.py"))
