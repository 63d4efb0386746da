"""Generated results for the site: several kinds of tasks, hostile names, seeds, cases, galleries."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports.__main__ import main

HOSTILE = "<script>alert(1)</script>"
HOSTILE_CORPUS = '"><img src=x onerror=alert(1)>'
# name, architecture, parameters, method, corpus, how good it is
BACKBONES = (
    ("lvmmed_resnet50", "ResNet-50", 23508032, "LVM-Med", "1.3 M medical images", 0.09),
    ("imagenet_resnet50", "ResNet-50", 23508032, "supervised", "ImageNet-1k", 0.05),
    ("simclr_resnet50", "ResNet-50", 23508032, "SimCLR", "1.3 M medical images", 0.04),
    ("lvmmed_vit_b", "ViT-B", 85798656, "LVM-Med", "1.3 M medical images", 0.08),
    ("random_resnet50", "ResNet-50", 23508032, "random", "none", -0.1),
    (HOSTILE, "ViT-B", 85798656, "SAM", HOSTILE_CORPUS, 0.0),
)
# name, kind, protocol, headline, base score, cases
TASKS = (
    ("isic2018", "segmentation", "finetune", "dice", 0.80, [f"ISIC_{i:07}" for i in range(24)]),
    (
        "prostate", "segmentation", "finetune", "dice", 0.76,
        [f"{site}/Case{i:02}" for site in ("BIDMC", "BMC", "HK", "RUNMC") for i in range(6)],
    ),
    ("mmwhs_ct", "volumes", "finetune", "iou", 0.70, [f"ct_{1000 + i}" for i in range(8)]),
    ("kvasir_detection", "detection", "finetune", "map50", 0.55, [f"polyp{i}" for i in range(20)]),
    ("brain_tumor_linear", "classification", "linear", "accuracy", 0.7, [f"image({i})" for i in range(40)]),
)  # fmt: skip
SEEDS = (0, 1, 2)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return folder


@pytest.fixture(scope="session")
def site(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of `results`."""
    out = tmp_path_factory.mktemp("made") / "site"
    assert main(["site", str(results), "--out", str(out)]) == 0
    return out


def write_results(folder: Path) -> None:
    """Write runs on real images, some with a tenth of the labels, and some on phantoms."""
    for task in TASKS:
        for backbone in BACKBONES:
            for seed in SEEDS:
                write_run(folder, task, backbone, seed, gallery=seed == 0)
    for backbone in BACKBONES[:3]:
        write_run(folder, TASKS[0], backbone, 0, label_fraction=0.1)
        for task in TASKS[:2]:
            write_run(folder, task, backbone, 0, profile="mini", data_source="phantom")


def write_run(
    folder: Path, task: tuple, backbone: tuple, seed: int, gallery: bool = False, **fields: Any
) -> None:
    """Write one run: record.json, config.py and, where wanted, gallery/."""
    name, kind, protocol, metric, base, cases = task
    run = hashlib.sha256(repr((task, backbone, seed, fields)).encode()).hexdigest()[:16]
    random = np.random.default_rng(int(run, 16))
    hard = np.random.default_rng(len(cases)).normal(0, 0.08, len(cases))
    scores = np.clip(base + backbone[5] + hard + random.normal(0, 0.03, len(cases)), 0, 1)
    if kind == "classification":
        right = scores > np.median(base + hard)
        rows = [
            {"case": c, "accuracy": float(r), "probability": float(s)}
            for c, r, s in zip(cases, right, scores, strict=True)
        ]
        value = float(right.mean())
    else:
        rows = [{"case": c, metric: float(s)} for c, s in zip(cases, scores, strict=True)]
        value = float(scores.mean()) - 0.07 * (kind == "detection")
    metrics: dict[str, float] = {metric: value}
    if kind == "classification":
        metrics |= {
            "kappa": max(0.0, 2 * value - 1),
            "macro_f1": value - 0.02,
            "auroc": value / 2 + 0.5,
        }
    if name == "prostate":
        for site in ("BIDMC", "BMC", "HK", "RUNMC"):
            metrics[f"dice/{site}"] = float(
                np.mean([r["dice"] for r in rows if r["case"].startswith(f"{site}/")])
            )
    record = {
        "schema": 3,
        "run": run,
        "task": name,
        "task_version": 1,
        "dataset": name,
        "kind": kind,
        "backbone": {
            "name": backbone[0], "architecture": backbone[1], "parameters": backbone[2],
            "method": backbone[3], "corpus": backbone[4],
            "weights_sha256": None if backbone[3] == "random"
            else hashlib.sha256(backbone[0].encode()).hexdigest(),
        },
        "protocol": protocol,
        "label_fraction": 1.0,
        "split": "published",
        "seed": seed,
        "profile": "small",
        "threads": 1,
        "data_source": "measured",
        "metric": metric,
        "metrics": metrics,
        "cases": rows,
        "data": {
            "fingerprint": hashlib.sha256(name.encode()).hexdigest(),
            "complete": name != "mmwhs_ct",
            "counts": {"train": 4 * len(cases), "test": len(cases)},
        },
        "provenance": {
            "versions": {"python": "3.11.9", "torch": "2.11.0", "mmengine": "0.10.7"},
            "git_revision": "5a741c2" + "0" * 33 + ("+" if seed == 2 else ""),
            "config_sha256": "c" * 64,
            "started": f"2026-01-0{seed + 1}T10:{len(cases):02}:00+00:00",
            "machine": {
                "platform": "Linux-6.1", "cpu": "AMD EPYC", "cores": 2, "gpu": None,
                "memory_gb": 23.5,
            },
        },
        "cost": {
            "train_seconds": float(200 + 100 * random.random()), "test_seconds": 10.0,
            "peak_memory_mb": 1800.0,
        },
    }  # fmt: skip
    content = copy.deepcopy(record) | fields
    out = folder / "runs" / run
    out.mkdir(parents=True)
    (out / "record.json").write_text(json.dumps(content, indent=1))
    (out / "config.py").write_text(f"task = dict(name={name!r})\nseed = {seed}\n")
    if gallery:
        write_gallery(out / "gallery", kind, metric, rows, random)


def write_gallery(folder: Path, kind: str, metric: str, rows: list[dict], random: Any) -> None:
    """Write the gallery of a run, as benchmarks/gallery.py does: disks on noise."""
    folder.mkdir()
    score = "probability" if kind == "classification" else metric
    ordered = sorted(rows, key=lambda row: row[score])
    roles = (
        ("most sure", "least sure", "wrong")
        if kind == "classification"
        else ("best", "median", "worst")
    )
    entries = []
    for role, row in zip(roles, (ordered[-1], ordered[len(ordered) // 2], ordered[0]), strict=True):
        stem = role.replace(" ", "_")
        y, x = np.mgrid[:96, :128]
        centre = random.integers(35, 60, 2)
        truth = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 400).astype(np.uint8)
        found = np.roll(truth, int(30 * (1 - row[score])), axis=1)
        image = np.clip(90 + 70 * truth + random.normal(0, 18, truth.shape), 0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{stem}.png")
        entry: dict[str, Any] = {
            "role": role, "case": row["case"], "image": row["case"], "score": row[score],
            "files": {"image": f"{stem}.png"},
        }  # fmt: skip
        if kind in ("segmentation", "volumes"):
            for part, labels in (("truth", truth), ("prediction", found)):
                picture = Image.fromarray(labels)
                picture.putpalette([0, 0, 0, 230, 159, 0] + [255] * 762)
                picture.save(folder / f"{stem}_{part}.png", transparency=0)
                entry["files"][part] = f"{stem}_{part}.png"
        elif kind == "detection":
            box = [
                float(v) for v in (centre[1] - 20, centre[0] - 20, centre[1] + 20, centre[0] + 20)
            ]
            boxes = {
                "truth": [{"label": 0, "box": box}],
                "prediction": [{"label": 0, "score": row[score], "box": [b + 6 for b in box]}],
            }
            (folder / f"{stem}_boxes.json").write_text(json.dumps(boxes))
            entry["files"]["boxes"] = f"{stem}_boxes.json"
        else:
            entry |= {
                "truth": 1,
                "prediction": int(role != "wrong"),
                "probabilities": [1 - row[score], row[score]],
            }
        entries.append(entry)
    index = {
        "schema": 1,
        "kind": kind,
        "metric": score,
        "classes": ["background", HOSTILE],
        "entries": entries,
    }
    (folder / "gallery.json").write_text(json.dumps(index))
