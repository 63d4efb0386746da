"""What tests share: builders of records, galleries, runs, corpora, prepared data, images and weights.

A builder imports the libraries of its own kind when it is called, so that tests of reports need no torch.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mmengine.config import Config

    from benchmarks.grid import RunSpec
    from benchmarks.preparation import PreparedData
    from benchmarks.profiles import Budget, ProbeBudget
    from benchmarks.runs import Run

# Records

PLAIN: dict[str, Any] = {
    "schema": 3,
    "run": "0123456789abcdef",
    "task": "drive",
    "task_version": 1,
    "dataset": "drive",
    "kind": "segmentation",
    "backbone": {
        "name": "random_resnet50",
        "architecture": "ResNet-50",
        "method": "random",
        "corpus": "none",
        "parameters": 23508032,
        "weights_sha256": None,
    },
    "protocol": "finetune",
    "label_fraction": 1.0,
    "split": "published",
    "seed": 0,
    "profile": "small",
    "threads": 1,
    "data_source": "measured",
    "metric": "dice",
    "metrics": {"dice": 0.5, "iou": 0.4},
    "cases": [{"case": "01_test", "dice": 0.5}],
    "data": {"fingerprint": "f" * 64, "complete": True, "counts": {"train": 16, "test": 20}},
    "provenance": {
        "versions": {"python": "3.11.9", "torch": "2.11.0"},
        "git_revision": "5a741c2" + "0" * 33,
        "config_sha256": "c" * 64,
        "started": "2026-01-01T00:00:00+00:00",
        "machine": {
            "platform": "Linux",
            "cpu": "Xeon",
            "cores": 2,
            "gpu": None,
            "memory_gb": 23.4,
        },
    },
    "cost": {"train_seconds": 12.3, "test_seconds": 1.2, "peak_memory_mb": 900},
}


def changed(fields: dict[str, Any]) -> dict[str, Any]:
    """A plain record with other fields; 'backbone.name' names one within another."""
    content = copy.deepcopy(PLAIN)
    for dotted, value in fields.items():
        *outer, last = dotted.split(".")
        place = content
        for name in outer:
            place = place[name]
        place[last] = value
    return content


_BACKBONES = {
    "lvmmed_resnet50": ("ResNet-50", "LVM-Med", 0.06),
    "imagenet_resnet50": ("ResNet-50", "supervised", 0.04),
    "random_resnet50": ("ResNet-50", "random", 0.0),
    "lvmmed_vit_b": ("SAM ViT-B/16", "LVM-Med", 0.05),
    "sam_vit_b": ("SAM ViT-B/16", "SAM", 0.03),
    "own_dino": ("ResNet-18", "DINO", 0.02),
}
_TASKS = {
    "drive": ("segmentation", "finetune", "dice", ("dice", "iou"), 20),
    "kvasir": ("segmentation", "finetune", "dice", ("dice", "iou"), 12),
    "mmwhs_ct": ("volumes", "finetune", "iou3d", ("iou3d", "dice"), 4),
    "brain_tumor_linear": ("classification", "linear", "accuracy", ("accuracy",), 16),
    "kvasir_detection": ("detection", "finetune", "map50", ("map50", "map"), 0),
}


def write_study(results: Path) -> None:
    """Write about 100 records of schema 2, as the suite wrote them when that schema was its own."""
    for content in _study_records():
        path = results / "runs" / content["run"] / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))


def _study_records() -> list[dict[str, Any]]:
    """Records of six backbones on five tasks with three seeds, and a few beside them."""
    rng = np.random.default_rng(16)
    contents: list[dict[str, Any]] = []
    for backbone, (architecture, method, gain) in _BACKBONES.items():
        for task, (kind, protocol, headline, metrics, cases) in _TASKS.items():
            if backbone == "own_dino" and task == "mmwhs_ct":
                continue
            for seed in range(3):
                more = [dict()]
                if task == "drive":
                    more.append(dict(label_fraction=0.25))
                if task == "kvasir" and seed == 0:
                    more.append(dict(figure="phantom"))
                for fields in more:
                    level = 0.6 + gain + rng.normal(0, 0.01) - 0.1 * bool(fields)
                    rows = []
                    for number in range(cases):
                        score = float(np.clip(level + rng.normal(0, 0.08), 0, 1))
                        if metrics[0] == "accuracy":
                            score = float(rng.random() < level)
                        row = {"case": f"{task}_{number:03}"}
                        row |= {
                            m: round(score * (1 - 0.1 * place), 6)
                            for place, m in enumerate(metrics)
                        }
                        rows.append(row)
                    means = {
                        m: float(np.mean([row[m] for row in rows]))
                        if rows
                        else round(level - 0.1 * place, 6)
                        for place, m in enumerate(metrics)
                    }
                    contents.append(_record_of_schema_2(
                        run=f"{len(contents):016x}", task=task, kind=kind, protocol=protocol, seed=seed,
                        metric=headline, metrics=means, cases=rows, backbone=backbone,
                        architecture=architecture, method=method, **fields,
                    ))  # fmt: skip
    return contents


def _record_of_schema_2(
    *, backbone, architecture, method, task, label_fraction=1.0, figure="measured", **fields
):
    """A record, as runs wrote it."""
    return {
        "schema": 2, "task": task, "task_version": 1, "dataset": task.removesuffix("_linear"),
        "backbone": {
            "name": backbone, "architecture": architecture, "method": method, "corpus": "frozen",
            "parameters": 1000 + len(backbone),
            "weights_sha256": None if method == "random" else f"{len(backbone):064x}",
            "pretraining_seed": None,
        },
        "label_fraction": label_fraction, "split": "published", "profile": "small", "threads": 1,
        "figure": figure, **fields,
        "data": {"fingerprint": f"{len(task):064x}", "complete": True,
                 "counts": {"train": int(100 * label_fraction), "test": len(fields["cases"]) or 30}},
        "provenance": {
            "versions": {"python": "3.11.9", "torch": "2.11.0"}, "git_revision": "5" * 40,
            "config_sha256": "c" * 64, "started": "2026-01-01T00:00:00+00:00",
            "machine": {"platform": "Linux", "cpu": "Xeon", "cores": 2, "gpu": None, "memory_gb": 23.4},
        },
        "cost": {"train_seconds": 10.0 + len(backbone), "test_seconds": 1.5, "peak_memory_mb": 900.0},
    }  # fmt: skip


# Images and corpora


def blobs(height: int = 40, width: int = 48, channels: int = 0, seed: int = 0) -> np.ndarray:
    """A soft random image, uint8: (height, width), or (height, width, channels)."""
    return _soft(np.random.default_rng(seed), height, width, channels)


def write_images(folder: Path, count: int, seed: int = 0, side: int = 48) -> Path:
    """Write soft random PNG images of `side` x `side` px, 000.png and on, no two alike; returns the folder."""
    import cv2

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), _soft(rng, side, side))
    return folder


def build_corpus(folder: Path, count: int, side: int = 48) -> Path:
    """Build FOLDER/corpus from soft images, which lie in FOLDER/images; returns the corpus."""
    from lvmmed_backbones import corpus

    corpus.build([write_images(folder / "images", count, side=side)], folder / "corpus", workers=1)
    return folder / "corpus"


def _soft(rng: np.random.Generator, height: int, width: int, channels: int = 0) -> np.ndarray:
    import cv2

    coarse = rng.integers(0, 256, (6, 6, channels) if channels else (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


# Runs, by the steps that the driver takes


def configured(spec: RunSpec) -> Config:
    """The config of a run, without this machine's folders."""
    from benchmarks.config import configure
    from benchmarks.resolve import resolve

    return configure(resolve(spec))


def trained(profile: str) -> list[str]:
    """The tasks whose network a profile trains; the others are probed on frozen features, or prompt SAM."""
    from benchmarks.profiles import ProbeBudget, get
    from tasks import registry

    names = [name for name in registry.names() if name not in registry.prompt_names()]
    budgets = {name: get(profile).budget(registry.get(name).task) for name in names}
    return [name for name, budget in budgets.items() if not isinstance(budget, ProbeBudget)]


def placed(spec: RunSpec, prepared: Path, run_dir: Path) -> Config:
    """The config of a run on prepared data sets."""
    from benchmarks.config import place
    from benchmarks.labels import label_subset

    config = configured(spec)
    data = prepared / config.task.dataset
    training = label_subset(config, data, spec.label_fraction, spec.seed)
    return place(config, data, training, run_dir, run_dir / "features")


def prepared_run(
    spec: RunSpec, data: Mapping[str, PreparedData], results: Path, **task: Any
) -> Run:
    """A run in a folder of results; facts of its task may be others."""
    from benchmarks.config import configure
    from benchmarks.resolve import resolve
    from benchmarks.runs import prepare_run

    resolved = resolve(spec)
    config = configure(resolved)
    config.task.update(task)
    return prepare_run(resolved, config, data[config.task.dataset], results)


def run_on(
    spec: RunSpec, prepared: Path, folder: Path, budget: Budget | ProbeBudget | None = None
) -> Run:
    """A run on a prepared data set, with its results and features in a folder; its own folder has its config.

    A budget stands in place of the profile's.
    """
    from benchmarks.config import configure
    from benchmarks.preparation import PreparedData
    from benchmarks.resolve import resolve
    from benchmarks.runs import prepare_run
    from lvmmed_backbones.layout.check import read_meta
    from lvmmed_backbones.records import CONFIG

    resolved = resolve(spec)
    if budget is not None:
        profile = dataclasses.replace(resolved.profile, budgets={resolved.task.task.name: budget})
        resolved = dataclasses.replace(resolved, profile=profile)
    data = prepared / resolved.task.task.dataset
    meta = read_meta(data)
    facts = {key: meta[key] for key in ("fingerprint", "complete", "phantom")}
    ready = PreparedData(data, **facts, features=folder / "features")
    run = prepare_run(resolved, configure(resolved), ready, folder / "results")
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / CONFIG).write_text(run.config.pretty_text)
    return run


# Processes that are killed


def signal_of_child(
    work: Callable[[], object],
    step: int | None = None,
    counts: Callable[[str, tuple], bool] = lambda event, _: (
        event in ("open", "os.rename", "os.remove")
    ),
) -> int:
    """Do `work` in a process of its own, which kills itself at a step.

    Parameters
    ----------
    step : int, optional
        Number of the step, from 1; None: it is not killed.
    counts : callable
        Whether an audit event of Python's and its arguments are a step: each is heard before the system is asked.

    Returns
    -------
    int
        The signal that ended the process; 0 if it came to its end.
    """
    pid = os.fork()
    if pid == 0:
        steps = 0

        def count(event: str, arguments: tuple) -> None:
            nonlocal steps
            if counts(event, arguments):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), "the work failed"
    return status
