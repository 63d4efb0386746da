"""Find out what is installed on this machine, what is missing for which command, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from lvmmed_backbones.command.checkout import VERBS, is_checkout
from lvmmed_backbones.files.home import user_folder

# For each extra ('': none): the packages that it brings, and the commands that need them.
EXTRAS: Mapping[str, tuple[Sequence[str], str]] = {
    "": (("torch", "timm", "numpy", "safetensors", "msgspec", "pillow"), "every command"),
    "corpus": (
        ("pydicom", "nibabel", "SimpleITK", "h5py", "pyarrow", "fsspec"),
        "corpus build, corpus audit, medical images",
    ),
    "openmmlab": (
        ("mmengine", "mmcv", "mmpretrain", "mmsegmentation", "mmdet"),
        "pretrain, tasks, run",
    ),
    "suite": (
        ("scikit-learn", "scipy", "pandas", "matplotlib", "jinja2", "pycocotools"),
        "run, report",
    ),
}
COMPILED = {
    "lvmmed_backbones.matching._core": (
        "the graph matching solver",
        "pretrain",
        "install the package again, with a C++ compiler",
    ),
    "mmcv._ext": (
        "mmcv's operators",
        "pretrain, tasks, run",
        "python benchmarks/install.py in a checkout compiles them",
    ),
}
PROGRAMS = {
    "g++": ("compiling", "apt-get install g++"),
    "chromium": ("tests of the site", "apt-get install chromium"),
    "pdflatex": ("tests of the LaTeX tables", "apt-get install texlive-latex-extra"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that a command may need.

    Attributes
    ----------
    what : str
        What may be needed, such as a package.
    found : str
        Its version, place or number; empty: it is missing.
    needed_by : str
        The commands that need it.
    remedy : str
        How to get it, where it is missing.
    """

    what: str
    found: str
    needed_by: str
    remedy: str = ""


def doctor() -> list[Finding]:
    """Look at Python, packages, compiled parts, devices, programs and folders: `lvmmed doctor`.

    Nothing is changed, and torch alone is imported, where it is installed.
    """
    findings = [
        Finding("python", platform.python_version(), "every command"),
        Finding("cores", str(os.cpu_count()), ""),
        Finding("GPUs", _gpus(), ""),
        Finding("LVMMED_HOME", str(user_folder()), ""),
    ]
    for extra, (packages, commands) in EXTRAS.items():
        name = f"lvmmed-backbones[{extra}]" if extra else "lvmmed-backbones"
        for package in packages:
            findings.append(Finding(package, _version(package), commands, f"pip install '{name}'"))
    for module, (part, commands, remedy) in COMPILED.items():
        findings.append(Finding(part, "compiled" if _is_there(module) else "", commands, remedy))
    for program, (commands, remedy) in PROGRAMS.items():
        findings.append(Finding(program, shutil.which(program) or "", commands, remedy))
    here = Path.cwd()
    checkout = str(here) if is_checkout(here) else ""
    remedy = "clone the repository and go into its folder"
    findings.append(Finding("checkout", checkout, ", ".join(VERBS), remedy))
    return findings


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _gpus() -> str:
    if not _version("torch"):
        return "not known without torch"
    import torch

    names = map(torch.cuda.get_device_name, range(torch.cuda.device_count()))
    return ", ".join(names) or "none"
