"""Measure a step of each protocol, and make one table of what the runs of the paper cost."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pandas as pd
import torch
from tqdm import tqdm

from benchmarks.grid import RunSpec
from benchmarks.preparation import prepare
from benchmarks.resolve import resolve
from benchmarks.studies.cost.images import images_of
from benchmarks.studies.cost.steps import Cost, Step, cost_of, resnet50_step
from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.files.outside import read_json, refusing
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.records import RELEASE, SUITE, Recipe
from reports.render.files import as_csv, write_texts
from tasks import registry

NETWORKS = {"ResNet-50": "random_resnet50", "SAM ViT-B": "random_vit_b"}
# Images of ImageNet a second: ResNet-50 on an A100 (80 GB), TF32, as NVIDIA publishes it (DeepLearningExamples).
THROUGHPUT = 938
TRIALS = {"volumes": 5}  # seeds of the paper, by kind
OTHER_TRIALS = 3
T = TypeVar("T")
AGAIN = "Remove it, and start the study again"


def run(*, out: Path, tasks: Sequence[str] | None = None) -> list[Path]:
    """Measure what has no result yet, and make one table of all: `python -m benchmarks.studies.cost run`.

    Parameters
    ----------
    out : Path
        Folder for phantoms, for the results, a file for each task, recipe and network, and for cost.csv and cost.md.
    tasks : sequence of str, optional
        None: those of the paper, with and without prompts.

    Returns
    -------
    list of Path
        cost.csv and cost.md.

    Raises
    ------
    ValueError
        If there is no such task.
    Refused
        If a result is none.
    """
    of_paper = [*registry.paper_names(), *registry.prompt_names(), *registry.release_names()]
    chosen = list(dict.fromkeys(tasks or of_paper))
    for name in chosen:
        if name not in of_paper:
            raise unknown_name("task of the paper", name, of_paper)
    jobs = [
        (name, recipe, network)
        for name, recipe, network in itertools.product(chosen, (SUITE, RELEASE), NETWORKS)
        if _exists(name, recipe, network)
    ]
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    unit = _known(out / "resnet50.json", Step, resnet50_step)
    rows = []
    for name, recipe, network in tqdm(jobs, desc="protocols", unit="run"):
        file = out / f"{name}-{recipe}-{NETWORKS[network]}.json"
        cost = _known(file, Cost, partial(_measure, name, recipe, network, out))
        rows.append(_row(name, recipe, network, cost, unit))
    table = pd.DataFrame(rows)
    return write_texts(out, {"cost.csv": as_csv(table), "cost.md": markdown(table)})


def _exists(name: str, recipe: Recipe, network: str) -> bool:
    """Whether a protocol is there; box prompts take SAM's encoder alone."""
    if name not in (registry.release_names() if recipe == RELEASE else registry.names()):
        return False
    return network == "SAM ViT-B" or name not in registry.prompt_names()


def _known(file: Path, kind: type[T], measure: Callable[[], T]) -> T:
    """Read a result, or measure it and leave it. Raises Refused if the file is none."""
    if not file.is_file():
        write_json(file, measure())
    content = read_json(file, AGAIN, within=file.parent)
    with refusing(file, AGAIN, "is no result of the study"):
        return msgspec.convert(content, kind)


def _measure(name: str, recipe: Recipe, network: str, out: Path) -> Cost:
    """Measure a protocol on the phantom of its data set."""
    spec = RunSpec(name, NETWORKS[network], "paper", 0, recipe=recipe)
    resolved = resolve(spec)
    dataset = resolved.task.task.dataset
    with tempfile.TemporaryDirectory() as folder:
        data = prepare([dataset], None, out)[dataset].folder
        return cost_of(resolved, data, Path(folder))


def _row(name: str, recipe: Recipe, network: str, cost: Cost, unit: Step) -> dict[str, Any]:
    """What a run costs: one seed, with a validation in each epoch, and a test."""
    task = registry.get(name, recipe).task
    images = images_of(task.dataset, recipe)
    once = sum(images[:3])
    predicted = images.valid * cost.epochs + images.test
    total = Step(*(
        once * o + images.train * cost.epochs * t + predicted * p
        for o, t, p in zip(cost.once, cost.training, cost.prediction, strict=True)
    ))  # fmt: skip
    gpu = total.gflop / unit.gflop / THROUGHPUT / 3600
    return dict(
        task=name,
        recipe=recipe,
        network=network,
        epochs=cost.epochs,
        train_images=images.train,
        assumed=images.assumed,
        gflop_once=cost.once.gflop,
        gflop_training=cost.training.gflop,
        seconds_once=cost.once.seconds,
        seconds_training=cost.training.seconds,
        cpu_hours=total.seconds / 3600,
        gpu_hours=gpu,
        trials=TRIALS.get(task.kind, OTHER_TRIALS),
    )


def markdown(table: pd.DataFrame) -> str:
    """Return the table as Markdown, with a row for all runs of a recipe and a network."""
    head = (
        "recipe", "network", "task", "epochs", "images an epoch", "GFLOP an image",
        "s an image", "GPU hours of a run", "of all trials",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---|---|---|" + "---:|" * 6]
    for (recipe, network), rows in table.groupby(["recipe", "network"], sort=False):
        for _, row in rows.iterrows():
            images = f"{row['train_images']:,}" + (" (guess)" if row["assumed"] else "")
            step = "training" if row["epochs"] else "once"
            cells = [recipe, network, row["task"], row["epochs"] or "–", images]
            cells += [f"{row[f'gflop_{step}']:.0f}", f"{row[f'seconds_{step}']:.2f}"]
            cells += [f"{row['gpu_hours']:.2f}", f"{row['gpu_hours'] * row['trials']:.1f}"]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        total = (rows["gpu_hours"] * rows["trials"]).sum()
        lines.append(f"| {recipe} | {network} | **all** |  |  |  |  |  | **{total:.1f}** |")
    return "\n".join(lines) + "\n"
