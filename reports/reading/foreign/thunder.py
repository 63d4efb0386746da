"""outputs.json of MICS-Lab/thunder: metrics with their intervals, and for classification whether each image was right.

`run_benchmark` in thunder/benchmark.py names the folders: `outputs/res/DATASET/MODEL/TASK/ADAPTATION`;
`compute_metrics` in thunder/utils/downstream_metrics.py makes the content; some tasks have one for each setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from reports.reading.foreign.rows import Found, Row, Source, number, sound_name

FORMAT = "THUNDER"
PREFERRED = ("accuracy", "f1")  # of accuracy alone there are the single images
PER_IMAGE = "per_sample_accuracy"
# The tasks that have scores, and what their settings are; k of knn is chosen for each model.
SETTINGS = {
    "linear_probing": "",
    "segmentation": "",
    "knn": "",
    "zero_shot_vlm": "",
    "simple_shot": "shots",
    "image_retrieval": "k",
    "adversarial_attack": "images",
}
DROP = "drop"  # of adversarial_attack: less of it is better
SEEDLESS = (
    "THUNDER runs one seed; its images count as independent cases, since it does not tell which are of "
    "one patient: the intervals may be too narrow."
)


def is_outputs(content: Any) -> bool:
    """Whether decoded JSON is what THUNDER's tasks with scores write."""
    return isinstance(content, dict) and any(_settings(content))


def read(path: Path, content: Any) -> Found:
    """Read the scores of a run.

    Raises
    ------
    Refused
        If it lies in no folders of THUNDER.
    """
    folders = path.absolute().parts[-5:-1]
    if len(folders) < 4 or folders[2] not in SETTINGS:
        raise Refused(
            path,
            "lies in no folder DATASET/MODEL/TASK/ADAPTATION of a THUNDER task",
            "Keep the folders of outputs/res",
        )
    task, backbone, kind, adaptation = map(sound_name, folders)
    source, found = Source(path, FORMAT, PREFERRED), Found(notes=[SEEDLESS])
    for setting, metrics in _settings(content):
        if setting == DROP:
            continue
        what = f" {SETTINGS[kind]} {sound_name(setting)}" if SETTINGS[kind] else ""
        protocol = f"{kind}{what}, {adaptation}"
        names = (backbone, task, protocol)
        for metric, entry in metrics.items():
            if metric == PER_IMAGE and isinstance(entry, list):
                digits = len(str(len(entry)))
                found.rows += [
                    Row(*names, "accuracy", 0, f"{n:0{digits}}", float(right), source)
                    for n, right in enumerate(entry)
                    if right in (0, 1)
                ]
            elif _is_score(entry):
                score = number(entry["metric_score"])
                if score is not None:
                    found.rows.append(Row(*names, sound_name(metric), 0, "", score, source))
                else:
                    found.problems.append(
                        plain(
                            f"{path}: {metric} is {entry['metric_score']!r}, no number. Left out."
                        )
                    )
    return found


def _settings(content: dict) -> Iterator[tuple[str, dict]]:
    """The metrics of each setting; the setting is empty if there is one alone."""
    if any(map(_is_score, content.values())):
        yield "", content
        return
    for setting, metrics in content.items():
        if isinstance(metrics, dict) and any(map(_is_score, metrics.values())):
            yield str(setting), metrics


def _is_score(entry: Any) -> bool:
    return isinstance(entry, dict) and "metric_score" in entry
