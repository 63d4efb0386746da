"""What tests share: builders of records, galleries, runs, corpora, prepared data, images and weights.

A builder imports the libraries of its own kind when it is called, so that tests of reports need no torch.
"""

from __future__ import annotations

import copy
from typing import Any

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
