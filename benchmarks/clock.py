"""How long a run trains, all its processes together."""

from __future__ import annotations

import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.runner import Runner

from lvmmed_backbones.files.outside import Refused, read_json
from lvmmed_backbones.files.writing import write_json

CLOCK = "train_seconds.json"
INTERVAL = 5.0  # seconds between two notes: what a kill can lose


class TrainClock(Hook):
    """Counts the seconds of training on from what a run's earlier processes noted.

    Parameters
    ----------
    file : Path
        The note.

    Attributes
    ----------
    seconds
        So far, validation included.
    """

    priority = "LOWEST"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds = 0.0
        self.noted = 0.0

    def before_train(self, runner: Runner) -> None:
        """Read the note, and begin to count."""
        self.earlier = read_note(self.file)
        self.begin = time.monotonic()
        self.noted = self.begin

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Note, now and then."""
        now = time.monotonic()
        if now - self.noted > INTERVAL:
            self.noted = now
            self.note()

    def after_train(self, runner: Runner) -> None:
        """Note the whole of it."""
        self.note()

    def note(self) -> None:
        """Write what it is by now."""
        self.seconds = self.earlier + time.monotonic() - self.begin
        write_json(self.file, self.seconds)


def read_note(file: Path) -> float:
    """Seconds of earlier processes; 0 without a note, or where it is none."""
    try:
        seconds = read_json(file, "Remove it", within=file.parent, most=4096)
    except (FileNotFoundError, Refused):
        return 0.0
    return float(seconds) if isinstance(seconds, (int, float)) and 0 <= seconds < 1e9 else 0.0
