"""SIGKILL of what computes the embeddings of prompted runs, and two that compute the same ones at once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.registry import MODELS

import tasks.registration  # noqa: F401
from lvmmed_backbones.evaluation.store import KEYS, ROWS, SUMS
from tasks.prompt.embeddings import Embeddings
from tests.factories import signal_of_child
from tests.faults.conftest import step_at
from tests.faults.folders import contents, half_written
from tests.tasks.prompt.building import MINI, prepared_image, spread

pytest.importorskip("segment_anything")


def embeddings() -> Embeddings:
    model = MODELS.build(dict(type="PromptedSAM", backbone=MINI))
    spread(model.backbone)
    return model.embeddings


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """What has had threads must not be forked: their locks would be held for ever."""
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.prompt.embeddings.os.cpu_count", lambda: 1)
        yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


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
    steps : int
        Changes to files.
    """

    files: list[str]
    cache: Path
    values: torch.Tensor
    steps: int


@pytest.fixture(scope="module")
def whole(_one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    folder = tmp_path_factory.mktemp("embeddings")
    files = [str(prepared_image(folder, (40, 50), f"{n}", seed=n)) for n in range(6)]
    note, cache = folder / "note", folder / "cache"

    def counted(event: str, arguments: tuple) -> bool:
        if touches(cache, event, arguments):
            descriptor = os.open(note, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, b".")
            os.close(descriptor)
        return False

    assert signal_of_child(lambda: embeddings().keep(files, cache, "some"), 1, counted) == 0
    return Extraction(files, cache, embeddings().of(files), note.stat().st_size)


def touches(cache: Path, event: str, arguments: tuple) -> bool:
    """Whether an audit event is of a file in the cache."""
    return event in ("open", "os.rename", "os.remove") and str(arguments[0]).startswith(str(cache))


@pytest.mark.fault(
    "SIGKILL while embeddings are computed, between two changes of files",
    "the next run computes what is left, reads no other bytes than without the kill",
)
@pytest.mark.moments(6)
def test_an_extraction_is_killed(whole: Extraction, tmp_path: Path, moment: float) -> None:
    cache = tmp_path / "cache"
    step = step_at(moment, whole.steps)
    work = lambda: embeddings().keep(whole.files, cache, "some")  # noqa: E731
    assert signal_of_child(work, step, lambda event, more: touches(cache, event, more)) == 9
    before = sum(path.stat().st_size for path in cache.rglob(KEYS)) // 16
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
    "Two, and four, processes compute the same embeddings at once, with nothing there",
    "each image is encoded once; all have the whole cache, and end with 0",
)
@pytest.mark.parametrize("count", [2, 4])
def test_processes_compute_the_same_at_once(whole: Extraction, tmp_path: Path, count: int) -> None:
    context = multiprocessing.get_context("fork")
    begin, said = context.Barrier(count), context.SimpleQueue()

    def work() -> None:
        mine = embeddings()
        begin.wait()
        mine.keep(whole.files, tmp_path / "cache", "some")
        said.put((mine.added, torch.equal(mine.of(whole.files), whole.values)))

    processes = [context.Process(target=work) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
    added, right = zip(*(said.get() for _ in processes), strict=True)
    assert sum(added) == len(whole.files) and all(right)
    assert contents(tmp_path / "cache") == contents(whole.cache)
