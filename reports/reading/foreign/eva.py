"""results.json of kaiko-ai/eva: the scores of each run of a session, by stage, data set and metric.

`SessionRecorder` in eva/core/trainers/_recorder.py writes it to `logs/MODEL/offline/TASK/SESSION`, as eva's configs
name the folders; the name of the model stands nowhere else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from reports.reading.foreign.rows import Found, Row, Source, number, sound_name

FORMAT = "eva"
SESSION = re.compile(r"\d{8}-\d{12}(_\w+)?")  # eva/core/trainers/_logging.py
MODES = ("offline", "online")
# What eva's configs choose the checkpoint by.
PREFERRED = (
    "MulticlassAccuracy",
    "BinaryBalancedAccuracy",
    "BinaryAccuracy",
    "MonaiDiceScore",
    "DiceScore",
)
RUNS = (
    "eva's runs count as seeds: each trains a new head on the same network, so they speak of other heads, "
    "not of other pretrainings."
)
VALID = (
    "there are no test scores, so that those of validation are compared; the checkpoints were chosen by "
    "them, so they are too high."
)


def is_results(content: Any) -> bool:
    """Whether decoded JSON is what eva's recorder writes."""
    metrics = content.get("metrics") if isinstance(content, dict) else None
    return isinstance(metrics, dict) and {"val", "test"} <= metrics.keys()


def read(path: Path, content: Any, root: Path) -> Found:
    """Read the test scores of a session; those of validation if there are none.

    Raises
    ------
    Refused
        If the folders do not name model and task, or there are no scores.
    """
    backbone, task = _names(path, root)
    source, found = Source(path, FORMAT, PREFERRED), Found(notes=[RUNS])
    stage = "test" if content["metrics"]["test"] else "val"
    if stage == "val":
        found.notes.append(plain(f"{path}: {VALID}"))
    data_sets = content["metrics"][stage]
    for place, metrics in enumerate(data_sets if isinstance(data_sets, list) else []):
        protocol = f"{stage}, data set {place}" if len(data_sets) > 1 else stage
        for name, statistics in metrics.items() if isinstance(metrics, dict) else ():
            metric = re.sub(r"/dataloader_idx_\d+$", "", sound_name(name)).removeprefix(f"{stage}/")
            values = statistics.get("values") if isinstance(statistics, dict) else None
            for run, value in enumerate(values if isinstance(values, list) else []):
                score = number(value)
                if score is not None:
                    row = Row(backbone, task, protocol, metric, run, "", score, source)
                    found.rows.append(row)
                else:
                    found.problems.append(
                        plain(f"{path}: {name} of run {run} is {value!r}, no number. Left out.")
                    )
    if not found.rows:
        raise Refused(path, "has no score of a run", "Is it a whole results.json of eva?")
    return found


def _names(path: Path, root: Path) -> tuple[str, str]:
    """The model and the task, from the folders.

    Raises
    ------
    Refused
        If there are none.
    """
    parts = list(path.relative_to(root).parts[:-1])
    whole = list(path.absolute().parts[1:-1])
    for folders, most in ((parts, len(parts)), (whole, 1)):
        if folders and SESSION.fullmatch(folders[-1]):
            folders = folders[:-1]
        *models, task = folders or [""]
        if models and models[-1] in MODES:
            models = models[:-1]
        if models:
            return sound_name("/".join(models[-most:])), sound_name(task)
    raise Refused(path, "lies in no folder MODEL/TASK", "Keep eva's folders logs/MODEL/TASK")
