"""What each part of the package imports, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPENMMLAB = ("mmengine", "mmcv", "mmpretrain", "mmseg", "mmdet")
MEDICINE = ("pydicom", "gdcm", "nibabel", "SimpleITK", "h5py", "pyarrow", "fsspec")
HIDING = """
import sys
hidden = {hidden!r}
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
"""
MAIN = "import sys; from lvmmed_backbones.command.cli import main; sys.exit(main({words!r}))"
BUILD = """
import torch, lvmmed_backbones
from lvmmed_backbones import catalogue
for name in catalogue.names():
    if catalogue.get(name).method == "random":
        maps = lvmmed_backbones.build(name, image_size=64)(torch.zeros(1, 3, 64, 64))
        assert [m.shape[2] for m in maps] == [16, 8, 4, 2]
"""


def imported(code: str) -> set[str]:
    """The top-level modules in memory at the end of a fresh process."""
    code += "\nimport sys; print('\\n'.join({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def without(hidden: tuple[str, ...], code: str) -> subprocess.CompletedProcess:
    """A fresh process in which some packages are not installed."""
    code = HIDING.format(hidden=hidden) + code
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_package_imports_nothing_but_python() -> None:
    """`import lvmmed_backbones` takes some milliseconds: what takes longer is imported when it is used."""
    loaded = imported("import lvmmed_backbones") - imported("")
    outside = {name for name in loaded if name not in sys.stdlib_module_names}
    assert outside == {"lvmmed_backbones"}


@pytest.mark.parametrize(
    "code",
    [
        BUILD,
        "import lvmmed_backbones.catalogue.adding, lvmmed_backbones.weights.loading",
        "import lvmmed_backbones.corpus.auditing, lvmmed_backbones.corpus.dataset",
        "import lvmmed_backbones.images.pictures, lvmmed_backbones.images.volumes",
        MAIN.replace("sys.exit", "print").format(words=["list"]),
        MAIN.replace("sys.exit", "print").format(words=["corpus", "list"]),
    ],
    ids=["build", "add", "corpus", "images", "list", "corpus list"],
)
def test_no_part_but_openmmlabs_imports_openmmlab(code: str) -> None:
    loaded = imported(code)
    assert "lvmmed_backbones" in loaded and not loaded & {*OPENMMLAB}


def test_matching_imports_numpy_alone_until_a_layer_is_asked_for() -> None:
    code = "import lvmmed_backbones.matching as matching, numpy\n"
    code += "none = numpy.zeros((0, 2), int)\n"
    code += "matching.solve(matching.Problem(numpy.eye(3), none, none))"
    loaded = imported(code) - imported("import numpy")
    assert {n for n in loaded if n not in sys.stdlib_module_names} == {"lvmmed_backbones"}
    assert "torch" in imported("from lvmmed_backbones.matching import MatchingLayer")


def test_backbones_without_openmmlab_and_without_medical_formats(tmp_path) -> None:
    """Built, listed and added in an environment of the base package alone."""
    hidden = (*OPENMMLAB, *MEDICINE, "torchvision.models")
    built = without(hidden, BUILD)
    assert built.returncode == 0, built.stderr
    listed = without(hidden, MAIN.format(words=["list"]))
    assert listed.returncode == 0 and "random_resnet50" in listed.stdout, listed.stderr
    file = tmp_path / "w.pth"
    save = f"import timm, torch; torch.save(timm.create_model('resnet18').state_dict(), {str(file)!r})\n"
    words = ["add", str(file), "mine", "--out", str(tmp_path)]
    added = without(hidden, save + MAIN.format(words=words))
    assert added.returncode == 0 and "architecture: ResNet-18" in added.stdout, added.stderr
    assert (tmp_path / "mine.safetensors").is_file()


@pytest.mark.parametrize(
    ("hidden", "code", "extra"),
    [
        (OPENMMLAB, "import lvmmed_backbones.openmmlab", "openmmlab"),
        (OPENMMLAB, "from lvmmed_backbones.pretrain import run", "openmmlab"),
        (MEDICINE, "from lvmmed_backbones.corpus import build", "corpus"),
        (MEDICINE, "import lvmmed_backbones.images.volumes", "corpus"),
        (MEDICINE, "import lvmmed_backbones.images.dicom", "corpus"),
        (MEDICINE, "import lvmmed_backbones.images.containers", "corpus"),
        (OPENMMLAB, MAIN.format(words=["pretrain", "x", "--corpus", "y"]), "openmmlab"),
        (MEDICINE, MAIN.format(words=["corpus", "build", "x", "--out", "y"]), "corpus"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(
    hidden: tuple[str, ...], code: str, extra: str
) -> None:
    run = without(hidden, code)
    line = run.stderr.strip().splitlines()[-1]
    assert run.returncode == 1
    assert line.endswith(f"is not installed: pip install 'lvmmed-backbones[{extra}]'")
    if "main" in code:
        assert run.stderr.strip() == line and line.startswith("error: ")
