"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Several processes of tests whose threads wait for each other by spinning take five times as long. torch, imported
# later, reads this; so do the commands that tests start.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

# A job in the background of a shell ignores Ctrl-C, and so would the commands that tests start and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, `early`."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


def pytest_collection_finish() -> None:
    """Let no collection of garbage look at what was imported: mmengine collects with each data set."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """Forget mmengine's visualizers: of two runs that begin in one second, the second would get the first one's."""
    if visualization := sys.modules.get("mmengine.visualization"):
        visualizer = visualization.Visualizer
        for kind in (visualizer, *visualizer.__subclasses__()):
            kind._instance_dict.clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--freeze",
        action="store_true",
        help="write anew what tests/guard expects, and the outputs of the tutorials; the commit says why",
    )


@pytest.fixture
def no_hang() -> Iterator[None]:
    """End a test that hangs after two minutes, and its process with it."""
    signal.alarm(120)
    yield
    signal.alarm(0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own, of 4 MiB and 200 files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real downloads: $LVMMED_DATA, or ../shared/data beside the checkout."""
    folder = Path(os.environ.get("LVMMED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real images: {folder} is absent (set LVMMED_DATA to a folder of downloads)"
        )
    return folder


@pytest.fixture(scope="session")
def phantom_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate every data set that has a phantom, as its download lies."""
    from tasks import phantoms

    folder = tmp_path_factory.mktemp("phantoms")
    for name in phantoms.names():
        phantoms.generate(name, folder)
    return folder


@pytest.fixture(scope="session")
def prepared_root(phantom_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare all phantoms, and the data sets that come with the suite."""
    from tasks import datasets, phantoms

    folder, part = tmp_path_factory.mktemp("prepared"), tmp_path_factory.mktemp("downloads")
    smears = datasets.SHIPPED / "bccd"
    shutil.copytree(smears / "ImageSets", part / "bccd" / "ImageSets")
    for kind in ("Annotations", "JPEGImages"):  # a few: cutting out all cells takes 10 s
        (part / "bccd" / kind).mkdir()
        for file in sorted((smears / kind).iterdir())[:60]:
            shutil.copy(file, part / "bccd" / kind)
    for name in datasets.names():
        datasets.prepare(name, phantom_root if name in phantoms.names() else part, folder)
    return folder
