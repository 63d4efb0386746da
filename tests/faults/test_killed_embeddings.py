"""SIGKILL of what computes the embeddings of prompted runs, and processes that compute the same ones at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS

import tasks.registration  # noqa: F401
from lvmmed_backbones.evaluation.store import KEYS, ROWS, SUMS
from tasks.prompt.embeddings import Embeddings
from tests.faults.folders import contents, half_written
from tests.tasks.prompt import building
from tests.tasks.prompt.building import MINI, prepared_image, spread

pytest.importorskip("segment_anything")

# A process of its own, since one that is forked may wait for ever for threads of torch that only this one has.
EXTRACT = """
import runpy, sys
from pathlib import Path
from mmengine.registry import MODELS
import tasks.registration
shared = runpy.run_path(sys.argv[1])
model = MODELS.build(dict(type="PromptedSAM", backbone=shared["MINI"]))
shared["spread"](model.backbone)
model.embeddings.keep(sys.argv[3:], Path(sys.argv[2]), "some")
print(model.embeddings.added)
"""


def embeddings() -> Embeddings:
    model = MODELS.build(dict(type="PromptedSAM", backbone=MINI))
    spread(model.backbone)
    return model.embeddings


@dataclass(frozen=True)
class Extraction:
    """Embeddings without a fault.

    Attributes
    ----------
    files : list of str
        The images.
    cache : Path
        Of all of them.
    values : Tensor
        What is right.
    """

    files: list[str]
    cache: Path
    values: torch.Tensor

    def begin(self, cache: Path) -> subprocess.Popen[str]:
        """Compute them in a process of its own."""
        line = [sys.executable, "-c", EXTRACT, building.__file__, str(cache), *self.files]
        return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    folder = tmp_path_factory.mktemp("embeddings")
    files = [str(prepared_image(folder, (40, 50), f"{n}", seed=n)) for n in range(6)]
    right = embeddings()
    right.keep(files, folder / "cache", "some")
    return Extraction(files, folder / "cache", right.of(files))


def kept(cache: Path) -> int:
    """How many embeddings a cache names."""
    return sum(path.stat().st_size for path in cache.rglob(KEYS)) // 16


@pytest.mark.usefixtures("no_hang")
@pytest.mark.fault(
    "SIGKILL while embeddings are computed",
    "the next run computes what is left, reads no other bytes than without the kill",
)
@pytest.mark.moments(4)
def test_an_extraction_is_killed(whole: Extraction, tmp_path: Path, moment: float) -> None:
    cache, wanted = tmp_path / "cache", int(moment * len(whole.files))
    process = whole.begin(cache)
    while process.poll() is None and not (cache.is_dir() and kept(cache) >= wanted):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode in (0, -signal.SIGKILL)
    before = kept(cache)
    again = embeddings()
    again.keep(whole.files, cache, "some")
    assert again.added == len(whole.files) - before
    assert torch.equal(again.of(whole.files), whole.values) and again.encoded == 0
    assert contents(cache) == contents(whole.cache)
    assert [name for name in half_written(cache) if not name.endswith("lock")] == []


@pytest.mark.fault(
    "SIGKILL within a write of an embedding, of its checksum or of its image's name",
    "the half does not count, and is computed again",
)
@pytest.mark.parametrize("file", [ROWS, SUMS, KEYS])
@pytest.mark.moments(2)
def test_a_write_is_killed_in_its_middle(
    whole: Extraction, tmp_path: Path, file: str, moment: float
) -> None:
    """What it leaves: files up to there, and nothing of those that are written after it."""
    shutil.copytree(whole.cache, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    row = int(moment * len(whole.files))
    written = [ROWS, SUMS, KEYS]
    for place, name in enumerate(written):
        width = (folder / name).stat().st_size // len(whole.files)
        part = 1.0 if place < written.index(file) else moment if name == file else 0.0
        os.truncate(folder / name, row * width + min(width - (name == file), int(part * width)))
    again = embeddings()
    again.keep(whole.files, tmp_path / "cache", "some")
    assert again.added == len(whole.files) - row
    assert torch.equal(again.of(whole.files), whole.values)
    assert contents(tmp_path / "cache") == contents(whole.cache)


@pytest.mark.usefixtures("no_hang")
@pytest.mark.fault(
    "Three processes compute the same embeddings at once, with nothing there",
    "each image is encoded once; all end with 0, and the cache is whole",
)
def test_processes_compute_the_same_at_once(whole: Extraction, tmp_path: Path) -> None:
    processes = [whole.begin(tmp_path / "cache") for _ in range(3)]
    added = [int(process.communicate()[0].split()[-1]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3
    assert sum(added) == len(whole.files)
    assert contents(tmp_path / "cache") == contents(whole.cache)
