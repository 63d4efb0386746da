"""What an evaluation imports: the base package's requirements alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Of the extras, of tests, and of the rest of the suite; scipy comes with scikit-learn.
ABSENT = (
    "mmengine mmcv mmpretrain mmseg mmdet tasks benchmarks reports matplotlib pandas jinja2 psutil pydicom gdcm "
    "nibabel SimpleITK h5py pyarrow pycocotools scikit_posthocs tensorboard ftfy regex pytest statsmodels transformers "
    "medmnist"
)
EVALUATION = """
import importlib.machinery
import sys

class Absent:
    "Packages that cannot be imported, though some libraries ask whether they are there."
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2].split():
            return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    def exec_module(self, module): ...

sys.meta_path.insert(0, Absent())
import numpy as np
import torch
import lvmmed_backbones
from lvmmed_backbones.evaluation import Resize

random = np.random.default_rng(0)
labels = np.arange(60) % 2
images = (random.integers(0, 100, (60, 16, 16)) + 100 * labels[:, None, None]).astype(np.uint8)
result = lvmmed_backbones.evaluate(
    torch.nn.Flatten(), {"images": images, "labels": labels}, transform=Resize(8),
    cache=sys.argv[1] + "/cache", results=sys.argv[1] + "/results",
)
result.table()
"""


def test_an_evaluation_needs_the_base_package_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EVALUATION, str(tmp_path), ABSENT]
    child = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert child.returncode == 0, child.stderr
    assert "arrays, linear" in child.stdout
