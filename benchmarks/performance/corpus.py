"""How fast a corpus is built and read, and how time and memory grow: `python -m benchmarks.performance.corpus`.

Generates folders of images, builds a corpus of each size and prints a Markdown table. The images are of 320 px: half
8-bit JPEG photographs, a quarter 16-bit PNG, a quarter slices of NIfTI volumes. With `--small` they are of 48 px, half
JPEG and half PNG, a file each: what one image more costs, whatever is in it.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import cv2
import nibabel
import numpy as np
import psutil

from lvmmed_backbones.stopping import stop_quietly

SIDE, SLICES = 320, 50
SMALL, FOLDER = 48, 1000  # pixels, and files of a folder


def generate(folder: Path, images: int) -> None:
    """Write images of 320 px, no two alike."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(images)
    fine = rng.integers(0, 40, (SIDE, SIDE), np.uint8)
    for number in range(images // 2):
        image = cv2.resize(rng.integers(0, 200, (8, 8, 3), np.uint8), (SIDE, SIDE))
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), image + fine[..., None])
    for number in range(images // 4):
        image = cv2.resize(rng.integers(0, 4000, (8, 8), np.uint16), (SIDE, SIDE)) + fine
        cv2.imwrite(str(folder / f"{number:06d}.png"), image.astype(np.uint16))
    for number in range(images // 4 // SLICES):
        coarse = rng.normal(300, 90, (8, 8, SLICES))
        values = (cv2.resize(coarse, (SIDE, SIDE)) + fine[..., None]).astype(np.int16)
        nibabel.Nifti1Image(values, np.eye(4)).to_filename(folder / f"{number:06d}.nii")


def generate_small(folder: Path, images: int) -> None:
    """Write images of 48 px, no two alike, 1,000 in a folder."""
    rng = np.random.default_rng(images)
    fine = rng.integers(0, 40, (SMALL, SMALL), np.uint8)
    for number in range(images):
        place = folder / f"{number // FOLDER:04d}"
        if not number % FOLDER:
            place.mkdir(parents=True)
        image = cv2.resize(rng.integers(0, 200, (6, 6), np.uint8), (SMALL, SMALL)) + fine
        cv2.imwrite(str(place / f"{number:07d}.{('jpg', 'png')[number % 2]}"), image)


class _Build(NamedTuple):
    """What a build took: seconds by the clock, seconds of cores in all processes, and MB of memory.

    `main` and `worker` are the peaks (VmHWM) of the process that was started, and of the largest worker: the pages that
    they share count in each. `together` is the most that all held at a time, where shared pages count once.
    """

    seconds: float
    busy: float
    main: float
    worker: float
    together: float


def _measure_build(source: Path, out: Path, workers: int) -> _Build:
    """Build a corpus in a process of its own, and watch it."""
    command = [sys.executable, "-m", "lvmmed_backbones", "corpus", "build", f"generated={source}"]
    command += ["--out", str(out), "--workers", str(workers)]
    peaks: dict[int, float] = {}
    start, together, before = time.monotonic(), 0, resource.getrusage(resource.RUSAGE_CHILDREN)
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for look in count():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            family = [process, *process.children(recursive=True)]
            for member in family:
                peaks[member.pid] = max(peaks.get(member.pid, 0), _peak(member.pid))
            if look % 10 == 0:  # takes the kernel some milliseconds
                together = max(together, sum(member.memory_full_info().pss for member in family))
        with suppress(psutil.TimeoutExpired):
            process.wait(0.1)
            break
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if process.returncode:
        raise RuntimeError(f"building {source} failed with code {process.returncode}")
    main = peaks.pop(process.pid)
    return _Build(seconds, busy, main, max(peaks.values()), together / 2**20)


def _peak(pid: int) -> float:
    """Return VmHWM of a process in MB, 0 once it has ended."""
    found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0


def _reading_speed(corpus: Path, images: int = 2000) -> float:
    """Return how many images a second one process reads and decodes, in random order."""
    from lvmmed_backbones.corpus import CorpusDataset

    data = CorpusDataset(str(corpus))
    order = np.random.default_rng(0).permutation(len(data))[:images]
    start = time.monotonic()
    for index in order:
        data.read(int(index))
    return len(order) / (time.monotonic() - start)


def main() -> int:
    """Entry point: print the table; returns the exit code."""
    from lvmmed_backbones.provenance import processor  # torch: the measured processes need none

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.performance.corpus", description=__doc__
    )
    parser.add_argument("--images", type=int, nargs="+", default=[12_500, 25_000, 50_000])
    parser.add_argument("--small", action="store_true", help="images of 48 px, a file each")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"{options.workers} processes on {os.cpu_count()} cores of {processor()}.\n")
    print(
        "| images | build, s | images / s | core seconds | memory of all, MB | of the main process | of a worker "
        "| reading, images / s |\n|" + " ---: |" * 8
    )
    for images in options.images:
        with tempfile.TemporaryDirectory() as scratch:
            source, corpus = Path(scratch) / "source", Path(scratch) / "corpus"
            (generate_small if options.small else generate)(source, images)
            build = _measure_build(source, corpus, options.workers)
            speed = _reading_speed(corpus)
            row = (images, build.seconds, images / build.seconds, build.busy)
            row += (build.together, build.main, build.worker, speed)
            print("| " + " | ".join(f"{cell:,.0f}" for cell in row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    stop_quietly("Start it again: it measures anew.")
    sys.exit(main())
