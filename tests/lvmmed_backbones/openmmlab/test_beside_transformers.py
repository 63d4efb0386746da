"""OpenMMLab's libraries beside transformers 5; `tox -e hub` has both."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lvmmed_backbones.revision import ROOT


@pytest.mark.parametrize("module", ("benchmarks.execute", "lvmmed_backbones.pretrain.registration"))
def test_what_runs_and_pretrains_is_imported(module: str) -> None:
    pytest.importorskip("transformers", reason="pip install '.[hub]'")
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
