"""Where a figure comes from: versions, code revision, machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "mmengine",
    "mmcv",
    "mmpretrain",
    "mmsegmentation",
    "mmdet",
    "timm",
)


def versions() -> dict[str, str]:
    """Version of Python and of every package that a figure depends on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def machine() -> dict[str, str | int | float | None]:
    """The machine, in words and numbers; memory in GB."""
    return {
        "platform": platform.platform(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
    }


def processor() -> str:
    """Name of the processor; Linux tells it in /proc/cpuinfo."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
