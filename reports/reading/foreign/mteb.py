"""TASK.json of MTEB: the scores of a model on a task, by split and subset.

`TaskResult.to_disk` in mteb/results/task_result.py writes it to `results/MODEL/REVISION`, and `save_to_cache` in
mteb/cache/result_cache.py a model_meta.json beside it. Tasks of classification tell the scores of each experiment.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_json
from reports.reading.foreign.rows import Found, Row, Source, number, sound_name

FORMAT = "MTEB"
MAIN = "main_score"
PREFERRED = (MAIN,)
META = "model_meta.json"
EXPERIMENTS = "scores_per_experiment"
CLOSE = 1e-5  # MTEB rounds to six digits
DRAWS = (
    "MTEB's experiments count as seeds: each draws other training examples for the same network, so they "
    "speak of other draws, not of other pretrainings."
)
SUBSETS = "a score is the mean over the subsets of its split, as MTEB takes it."


def is_result(content: Any) -> bool:
    """Whether decoded JSON is what MTEB writes for a task, of any age."""
    if not isinstance(content, dict):
        return False
    return {"task_name", "scores"} <= content.keys() or "mteb_dataset_name" in content


def read(path: Path, content: Any) -> Found:
    """Read the scores on the split `test`; on every split if there is none of that name.

    Raises
    ------
    Refused
        If MTEB wrote it before version 1.11, or it has no scores.
    """
    if "mteb_dataset_name" in content:
        again = "Write it again: mteb.TaskResult.from_disk(path).to_disk(path)"
        raise Refused(path, "was written by MTEB before version 1.11", again)
    task, backbone = sound_name(str(content["task_name"])), _model(path)
    source, found = Source(path, FORMAT, PREFERRED), Found()
    splits = content["scores"] if isinstance(content["scores"], dict) else {}
    if "test" in splits and len(splits) > 1:
        others = ", ".join(name for name in splits if name != "test")
        found.notes.append(plain(f"{path}: the split test is read; not read: {others}."))
        splits = {"test": splits["test"]}
    for split, listed in splits.items():
        subsets = [s for s in listed if isinstance(s, dict)] if isinstance(listed, list) else []
        if len(subsets) > 1:
            found.notes.append(SUBSETS)
        for metric in (subset.get(MAIN) for subset in subsets):
            if number(metric) is None:
                found.problems.append(plain(f"{path}: {MAIN} on {split} is {metric}. Left out."))
        shared = set.intersection(*(set(s) for s in subsets)) if subsets else set()
        for metric in sorted(shared):
            runs = _runs(subsets, metric)
            if len(runs) > 1 and DRAWS not in found.notes:
                found.notes.append(DRAWS)
            found.rows += [
                Row(backbone, task, sound_name(split), sound_name(metric), run, "", value, source)
                for run, value in enumerate(runs)
            ]
    if not found.rows:
        raise Refused(path, "has no score", "Is it a whole result of MTEB?")
    return found


def _runs(subsets: Sequence[dict], metric: str) -> list[float]:
    """The score of each experiment, or of the whole if they are not told; empty if it is no number."""
    wholes = [number(subset[metric]) for subset in subsets]
    if None in wholes:
        return []
    experiments = [_experiments(subset, metric) for subset in subsets]
    if all(experiments) and len(set(map(len, experiments))) == 1:
        return [statistics.fmean(values) for values in zip(*experiments, strict=True)]
    return [statistics.fmean(whole for whole in wholes if whole is not None)]


def _experiments(subset: dict, metric: str) -> list[float]:
    """The scores of a subset's experiments, whose mean is its score; empty if it is not clear which these are."""
    listed = subset.get(EXPERIMENTS)
    if not isinstance(listed, list) or not all(isinstance(e, dict) for e in listed):
        return []
    names = [metric] if metric != MAIN else sorted(set().union(*listed))
    fitting = []
    for name in names:
        values = [value for e in listed if (value := number(e.get(name))) is not None]
        whole = number(subset[metric])
        if len(values) != len(listed) or whole is None:
            continue
        if abs(statistics.fmean(values) - whole) <= CLOSE and values not in fitting:
            fitting.append(values)
    return fitting[0] if len(fitting) == 1 else []


def _model(path: Path) -> str:
    """The name of the model: from the meta beside the result, else of the folder."""
    beside = path.with_name(META)
    if beside.is_file():
        meta = read_json(beside, "Restore it, or delete it", most=2**20)
        if isinstance(meta, dict) and isinstance(meta.get("name"), str) and meta["name"].strip():
            return sound_name(meta["name"])
    folders = path.absolute().parts
    if len(folders) < 4:
        raise Refused(path, "lies in no folder MODEL/REVISION", "Keep the folders of results")
    return sound_name(folders[-3].replace("__", "/"))
