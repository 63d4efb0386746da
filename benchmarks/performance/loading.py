"""What a GPU that trains on N images a second asks of its machine: `python -m benchmarks.performance.loading`.

Measures on a corpus of yours, or on a generated one (256 px: half colour JPEG, half grey PNG), and prints Markdown
tables: what decoding an image takes, what the views of pretraining configs take, what reading from a server takes, and
a plan for `--rate` images a second. The server is one of this machine, or where `--url` says that the corpus lies.
Processor times, so that other work on the machine hardly counts; the spread is that of five rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch
from aiohttp import web
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from torch.utils.data import DataLoader, Subset, default_collate

import lvmmed_backbones.pretrain.registration  # noqa: F401
from benchmarks.performance.corpus import generate
from lvmmed_backbones.corpus import CorpusDataset, build
from lvmmed_backbones.images.photos import PNG, decode
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.provenance import processor
from lvmmed_backbones.stopping import stop_quietly

ROUNDS, IMAGES, VIEWED = 5, 200, 100
BATCH = 200  # images of a step and GPU, as lvmmed_resnet50_paper has it
PREFETCH = 2  # batches that torch's loader makes ahead for each worker
MIB = 2**20


def _rounds(work: Callable[[Any], Any], things: Sequence[Any]) -> tuple[list[float], float]:
    """Return the milliseconds of the processor for one thing, sorted by rounds, and those of the clock (median)."""
    busy, clock = [], []
    for thing in things[:5]:
        work(thing)
    for _ in range(ROUNDS):
        start = time.process_time(), time.monotonic()
        for thing in things:
            work(thing)
        busy.append((time.process_time() - start[0]) / len(things) * 1000)
        clock.append((time.monotonic() - start[1]) / len(things) * 1000)
    return sorted(busy), statistics.median(clock)


def _row(what: str, busy: Sequence[float], *more: str) -> str:
    middle = statistics.median(busy)
    cells = [what, f"{middle:.2f} ({busy[0]:.2f} to {busy[-1]:.2f})", f"{1000 / middle:,.0f}"]
    return "| " + " | ".join([*cells, *more]) + " |"


def _serve(folder: str, delay: float, answer: Connection) -> None:
    """Serve a folder on a free port, each answer after a delay in seconds; tell the port."""

    @web.middleware
    async def late(request: web.Request, handler: Callable) -> web.StreamResponse:
        await asyncio.sleep(delay)
        return await handler(request)

    async def run() -> None:
        app = web.Application(middlewares=[late])
        app.router.add_static("/", folder)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        answer.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def _server(folder: Path, delay: float) -> Iterator[str]:
    """Yield the URL of a folder on a server of this machine."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(str(folder), delay, there), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def _views(name: str, root: str) -> CorpusDataset:
    """Return a corpus with the views of a pretraining config."""
    config = Config.fromfile(CONFIGS / f"{name}.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return DATASETS.build(dict(config.train_dataloader.dataset, root=root))


def _measure_workers(data: CorpusDataset, order: list[int], workers: int) -> tuple[float, float]:
    """Return images a second (clock) of a loader, and the MB of a worker, whose shared pages count by their share."""
    few = 10  # images of a batch here: the pixels of a whole batch count apart
    loader = DataLoader(
        Subset(data, order[: few * workers * PREFETCH * 2]),
        batch_size=few,
        num_workers=workers,
        collate_fn=lambda samples: default_collate([sample["inputs"] for sample in samples]),
        worker_init_fn=lambda _: cv2.setNumThreads(0),
        drop_last=True,
    )
    batches = iter(loader)
    next(batches)
    start, read = time.monotonic(), 0
    children = psutil.Process().children()
    memory = 0.0
    for _ in batches:
        read += few
        used = [child.memory_full_info().pss for child in children if child.is_running()]
        memory = max([memory, *used])
    return read / (time.monotonic() - start), memory / MIB


def main() -> int:
    """Entry point: print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.performance.loading", description=__doc__
    )
    parser.add_argument("--corpus", type=Path, help="folder of a corpus (a generated one)")
    parser.add_argument("--url", help="where the same corpus lies (a server of this machine)")
    names = ["lvmmed_resnet50_paper", "dino_resnet50_paper"]
    parser.add_argument("--configs", nargs="+", default=names, help="first: the plan's")
    parser.add_argument("--rate", type=float, default=2500, help="images a second and GPU")
    parser.add_argument("--latency", type=float, default=30, help="of the storage, in ms")
    parser.add_argument("--workers", type=int, default=2, help="of the loader that is measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = options.corpus or Path(scratch) / "corpus"
        if not options.corpus:
            generate(Path(scratch) / "source", 1000)
            build([Path(scratch) / "source"], corpus)
        _report(corpus, options)
    return 0


def _report(corpus: Path, options: argparse.Namespace) -> None:
    """Measure, and print the tables."""
    data = CorpusDataset(str(corpus))
    order = [int(n) for n in np.random.default_rng(0).permutation(len(data))[:IMAGES]]
    size = float(data.length.mean())
    print(
        f"One process of {processor()}, corpus {data.metainfo['fingerprint'][:12]}, {len(data):,} images.\n"
    )
    print(
        "| work | ms of a core for an image | images / s and core | |\n| --- | ---: | ---: | ---: |"
    )
    shards = [data.shards[data.shard[n]] for n in order]
    places = zip(shards, data.offset[order], data.length[order], strict=True)
    contents = [data.files.read(name, int(start), int(length)) for name, start, length in places]
    for kind in ("PNG", "JPEG"):
        chosen = [c for c in contents if c.startswith(PNG) == (kind == "PNG")]
        if chosen:
            busy, _ = _rounds(lambda content: decode("", content, ""), chosen)
            pixels = statistics.mean(decode("", c, "").size / 3 for c in chosen)
            facts = f"{statistics.mean(map(len, chosen)) / 1000:.0f} kB, {pixels / 1000:.0f} thousand pixels"
            print(_row(f"decode {kind}", busy, facts), flush=True)
    busy, _ = _rounds(data.read, order)
    read = statistics.median(busy)
    print(_row("read from the disk's cache, decode", busy, ""), flush=True)
    costs = {}
    for name in options.configs:
        busy, _ = _rounds(_views(name, str(corpus)).__getitem__, order[:VIEWED])
        costs[name] = statistics.median(busy)
        print(_row(f"the same, and the views of {name}", busy, ""), flush=True)
    views = costs[options.configs[0]]
    delays = [0.0] if options.url else [0.0, options.latency / 1000]
    for delay in delays:
        with _server(corpus, delay) as own:
            far = CorpusDataset(options.url or own)
            busy, clock = _rounds(far.read, order[:VIEWED])
        remote = statistics.median(busy)
        where = options.url or f"a server {delay * 1000:.0f} ms away"
        speed = f"{clock:.1f} ms by the clock: {1000 / clock:.0f} images / s, {size / clock / 1000:.1f} MB/s a process"
        print(_row(f"read from {where}, decode", busy, speed), flush=True)
    first = _views(options.configs[0], str(corpus))
    inputs = first[0]["inputs"]
    batch = sum(view.nbytes for view in inputs) * BATCH / MIB
    speed, memory = _measure_workers(first, order, options.workers)
    print(
        f"\n{options.workers} workers of torch's loader make {speed:.0f} images / s of the first config's views."
    )
    print(f"A worker takes {memory:.0f} MB, a batch of {BATCH} images {batch:.0f} MB.")
    flight = options.latency if not options.url else clock
    _plan(options.rate, flight, read, views, remote, size, memory, batch)


def _plan(
    rate: float,
    latency: float,
    read: float,
    views: float,
    remote: float,
    size: float,
    memory: float,
    batch: float,
) -> None:
    """Print what a GPU needs.

    Parameters
    ----------
    rate : float
        Images a second.
    latency, read, views, remote : float
        Milliseconds for an image: until storage answers; of a core to read and decode from a disk, to make its views,
        too, and to read and decode from a server.
    size : float
        Mean bytes of a stored image.
    memory, batch : float
        MB of a worker, and of a batch.
    """
    over = max(0.0, remote - read)
    print(f"\nPlan for {rate:,.0f} images a second and GPU:\n")
    print("| of a GPU | from a disk | from a server |\n| --- | ---: | ---: |")
    rows = {"cores": (rate * views / 1000, rate * (views + over) / 1000)}
    rows["MB/s"] = (rate * size / 1e6,) * 2
    waits = latency / (views + over)
    rows[f"requests in flight, {latency:.0f} ms each"] = (0, rate * latency / 1000)
    workers = rows["cores"][0], rows["cores"][1] * (1 + waits)
    rows["workers, each with one request"] = workers
    ahead = [count * (memory + PREFETCH * batch) / 1024 for count in workers]
    rows[f"memory of workers and {PREFETCH} batches of each, GB"] = (ahead[0], ahead[1])
    for what, (near, far) in rows.items():
        print(f"| {what} | {near:,.0f} | {far:,.0f} |")


if __name__ == "__main__":
    stop_quietly("Start it again: it measures anew.")
    sys.exit(main())
