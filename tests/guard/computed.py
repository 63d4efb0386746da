"""Results that the suite computes from inputs that never change, for `test_guard.py`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.runner import Runner

from benchmarks.config import place
from benchmarks.grid import RunSpec
from benchmarks.probing import probe_and_test
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import architectures
from lvmmed_backbones.models import from_config
from lvmmed_backbones.pretrain import compose
from lvmmed_backbones.pretrain.resumption import PretrainingRunner
from reports.__main__ import main as reports
from tasks import registry
from tests.factories import configured, run_on, trained
from tests.guard.states import FrozenStart, fill, summary

# Without lvmmed_resnet18_small: there the rounding of another processor turns a matching, and with it the loss.
METHODS = (
    "barlowtwins_resnet18_mini",
    "deepclusterv2_resnet18_mini",
    "dino_resnet18_mini",
    "lvmmed_resnet18_mini",
    "lvmmed_vit_tiny_mini",
    "mocov2_resnet18_mini",
    "simclr_resnet18_mini",
    "swav_resnet18_mini",
    "vicregl_resnet18_mini",
)
ARCHITECTURES = (
    "resnet18",
    "resnet50",
    "sam_vit_b",
    "lvmmed_vit_b",
    "timm:efficientnet_lite0",
    "timm:convnext_atto",
    "timm:swin_tiny_patch4_window7_224",
    "timm:vit_tiny_patch16_224",
)
ENTRIES = ("random_resnet18_half", "random_vit_tiny")
# Every task that is trained on one backbone, and one of each kind of task on the other two kinds of backbone.
RUNS = [
    *((task, "random_vit_tiny") for task in registry.paper_names() if task in trained("mini")),
    *(
        (task, backbone)
        for task in ("drive", "mmwhs_ct", "kvasir_detection", "brain_tumor_finetune")
        for backbone in ("random_resnet18_half", "imagenet_efficientnet_lite0")
    ),
]
PROBED = sorted(set(registry.paper_names()) - set(trained("mini")))
LINES = {
    "leaderboard": ["leaderboard", "{results}", "--out", "{out}", "--published", "--latex"],
    "leaderboard_by_score": ["leaderboard", "{results}", "--out", "{out}", "--by", "score"],
    "leaderboard_metrics": [
        "leaderboard",
        "{results}",
        "--out",
        "{out}",
        "--metric",
        "dice",
        "iou",
    ],
    "tables": ["tables", "{results}", "--out", "{out}"],
    "compare": ["compare", "{results}", "lvmmed_resnet50", "imagenet_resnet50"],
    "compare_json": ["compare", "{results}", "lvmmed_resnet50", "random_resnet50", "--json"],
    "figures": ["figures", "{results}", "--out", "{out}"],
    "site": ["site", "{results}", "--out", "{out}"],
}


def report(name: str, results: Path, out: Path) -> dict[str, str]:
    """Return what a report command prints and writes: texts by file, of other files a checksum."""
    printed, errors = io.StringIO(), io.StringIO()
    words = [word.format(results=results, out=out) for word in LINES[name]]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        code = reports(words)
    texts = {"code": str(code), "stdout": printed.getvalue(), "stderr": errors.getvalue()}
    for file in sorted(out.rglob("*")) if out.exists() else ():
        name_in_out = file.relative_to(out).as_posix()
        if file.suffix in (".md", ".csv", ".tex"):
            texts[name_in_out] = file.read_text()
        elif file.suffix in (".html", ".svg", ".json", ".js"):
            texts[name_in_out] = _digest(_rounded(file.read_text()))
    return {
        key: _rounded(text).replace(str(results), "RESULTS").replace(str(out), "OUT")
        for key, text in texts.items()
    }


def _rounded(text: str) -> str:
    """Round long numbers: their last digits differ between processors."""
    return re.sub(r"\d+\.\d{9,}", lambda number: f"{float(number[0]):.9g}", text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def outputs(name: str, side: int = 64) -> dict[str, Any]:
    """Return what an architecture gives for a fixed image of 64 px: summaries of its maps, and of its vector."""
    known = name in catalogue.names()
    config = dict(catalogue.get(name).config) if known else architectures.config_by_name(name)
    side = 224 if "swin" in name or "vit_tiny_patch16" in name else side
    summaries: dict[str, Any] = {}
    for output in ("maps", "vector"):
        if output == "maps" and "vit_tiny_patch16" in name:
            continue
        model = from_config(dict(config, output=output, img_size=side)).eval()
        fill(model)
        with torch.no_grad():
            summaries[output] = [summary(tensor) for tensor in model(_image(side))]
    return summaries


def _image(side: int) -> torch.Tensor:
    """Return a normalised image (1, 3, side, side)."""
    return torch.from_numpy(np.random.default_rng(7).standard_normal((1, 3, side, side))).float()


def first_step(name: str, corpus: Path, work: Path) -> dict[str, float]:
    """Return the loss and the gradient's norm of the first step of a pretraining on 8 images of 32 px."""
    torch.set_num_threads(1)  # another order of sums can turn a matching
    options = {
        "train_dataloader.batch_size": 8,
        "train_dataloader.dataset.pipeline.0.crops.0.size": 32,
        **({"model.clusters": (4, 4, 4)} if "deepcluster" in name else {}),
    }
    config = compose(name, corpus, work, epochs=1, seed=0, overrides=options)
    config.world_size = 1
    runner = PretrainingRunner.from_cfg(config)
    start = FrozenStart()
    runner.register_hook(start)
    runner.train()
    return dict(loss=start.loss, gradient=start.gradient)


def probe_task(task: str, prepared: Path, work: Path) -> dict[str, float]:
    """Return the metrics of a mini run on the frozen features of EfficientNet-Lite0."""
    torch.set_num_threads(1)
    run = run_on(RunSpec(task, "imagenet_efficientnet_lite0", "mini", seed=0), prepared, work)
    return probe_and_test(run).metrics


def run_task(task: str, backbone: str, prepared: Path, work: Path) -> dict[str, Any]:
    """Return the loss and the gradient's norm of the first step of a mini run, and its metrics."""
    torch.set_num_threads(1)
    config = configured(RunSpec(task, backbone, "mini", seed=0))
    config = place(config, prepared / config.task.dataset, None, work, work / "features")
    config.model.backbone.pop("weights", None)
    runner = Runner.from_cfg(config)
    start = FrozenStart()
    runner.register_hook(start)
    runner.train()
    metrics = runner.test()
    return dict(loss=start.loss, gradient=start.gradient, metrics=metrics)
