"""How fast a corpus is built and read, and that time grows linearly: `python -m benchmarks.performance.corpus`.

Generates folders of images (half 8-bit JPEG photographs, a quarter 16-bit PNG, a quarter slices of NIfTI volumes),
builds a corpus of each size and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import cv2
import nibabel
import numpy as np
import psutil

from lvmmed_backbones.stopping import stop_quietly

SIDE, SLICES = 320, 50


def _generate(folder: Path, images: int) -> None:
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


def _measure_build(source: Path, out: Path, workers: int) -> tuple[float, float]:
    """Return the seconds of a build, and the most memory in MB that its processes held; shared pages count once."""
    command = [sys.executable, "-m", "lvmmed_backbones", "corpus", "build", f"generated={source}"]
    command += ["--out", str(out), "--workers", str(workers)]
    start, peak = time.monotonic(), 0
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_full_info().pss for member in family))
        with suppress(psutil.TimeoutExpired):
            process.wait(0.5)
    if process.returncode:
        raise RuntimeError(f"building {source} failed with code {process.returncode}")
    return time.monotonic() - start, peak / 2**20


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
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"{options.workers} processes on {os.cpu_count()} cores of {processor()}.\n")
    print("| images | build, s | images / s | memory, MB | reading, images / s |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for images in options.images:
        with tempfile.TemporaryDirectory() as scratch:
            source, corpus = Path(scratch) / "source", Path(scratch) / "corpus"
            _generate(source, images)
            seconds, memory = _measure_build(source, corpus, options.workers)
            speed = _reading_speed(corpus)
        print(
            f"| {images:,} | {seconds:.0f} | {images / seconds:.0f} | {memory:.0f} | {speed:.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    stop_quietly("Start it again: it measures anew.")
    sys.exit(main())
