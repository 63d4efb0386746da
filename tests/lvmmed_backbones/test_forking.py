"""What is forked after an import of OpenMMLab may use a GPU: the import does not ask CUDA's runtime for one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lvmmed_backbones.forking import forked_from

# A machine with a GPU as torch sees it, whose runtime must not be asked.
IMPORT = """
import importlib, sys, torch
torch.cuda._is_compiled = lambda: True
torch.cuda._device_count_nvml = lambda: 1
torch._C._cuda_getDeviceCount = lambda: sys.exit("CUDA was asked")
importlib.import_module(sys.argv[1])
assert torch.cuda.is_available() and not torch.cuda.is_initialized()
"""
CHECK = "PYTORCH_NVML_BASED_CUDA_CHECK"


def imported(module: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", IMPORT, module]
    return subprocess.run(line, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["benchmarks.execute", "benchmarks.studies.evidence.study"])
def test_an_import_leaves_cuda_to_the_processes_that_are_forked(module: str) -> None:
    forked_from(module)
    done = imported(module, dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_without_it_cuda_is_asked() -> None:
    bare = {name: value for name, value in os.environ.items() if name != CHECK}
    assert "CUDA was asked" in imported("mmengine", bare).stderr


def test_a_process_inherits_it(monkeypatch) -> None:
    monkeypatch.setenv(CHECK, "0")
    context = forked_from("lvmmed_backbones.forking")
    with context.Pool(1) as pool:
        assert pool.apply(os.getenv, (CHECK,)) == "1"
