"""Carry out runs as tasks of a Ray cluster, whose nodes share the checkout, and folders of data, work and results."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from benchmarks import jobs as planned
from benchmarks.composing import Places
from benchmarks.overrides import as_dict
from benchmarks.results import Row, scan
from benchmarks.runs import Run
from benchmarks.scheduler.devices import VISIBLE
from benchmarks.scheduler.local import Ending
from benchmarks.terminal import say
from lvmmed_backbones.display import plain
from lvmmed_backbones.importing import needing

RETRIES = 3  # times that Ray begins a run anew whose node or worker died
ANSWER = 10.0  # seconds in which a cluster answers
POLL = 2.0  # seconds between two looks at the nodes
PATIENCE = 300.0  # seconds in which a cluster that grows has a new node
CHECKOUT = Path(__file__).resolve().parents[2]


class Needs(NamedTuple):
    """What a run asks for: CPUs, GPUs, bytes of memory; named as Ray names them."""

    CPU: int
    GPU: int
    memory: int

    def fit(self, node: Mapping[str, float]) -> bool:
        """Return whether an empty node has room for it."""
        return all(node.get(name, 0) >= amount for name, amount in self._asdict().items())

    def __str__(self) -> str:
        parts = [f"{self.CPU} CPUs"]
        parts += ["a GPU"] if self.GPU else []
        parts += [f"{self.memory / 2**30:.1f} GiB of memory"] if self.memory else []
        return ", ".join(parts)


class Outcome(msgspec.Struct):
    """How a run ended: an `Ending` as plain data, whose run is named by its folder."""

    folder: str
    failure: str
    elsewhere: bool


def carry_out(
    runs: Sequence[Run], places: Places, address: str, jobs: int | None
) -> Iterator[Ending]:
    """Yield each run as it ends on the cluster.

    Each run is a task. It asks for the CPUs of its profile, and for a GPU if the cluster has some, else for the memory
    that it took with another seed. Ray begins it anew if its node or its worker dies; not if it fails by itself.

    Parameters
    ----------
    runs : sequence of Run
        The runs that have no record.
    places : Places
        Folders that all nodes see.
    address : str
        HOST:PORT of the cluster; 'auto': the one that this machine belongs to.
    jobs : int or None
        The most runs at a time; None: as many as there is room for.

    Raises
    ------
    ModuleNotFoundError
        If Ray is not installed.
    ValueError, ConnectionError, RuntimeError
        If this is no address, no cluster answers there, or its Ray or Python has another version.
    """
    ray = check(address)
    with _connected(ray, address):
        content = ray.put(msgspec.json.encode(planned.Jobs.of(runs, places)))
        task = ray.remote(max_retries=RETRIES)(_do)
        rows, nodes = scan(places.results).values(), _nodes(ray)
        waiting = deque(enumerate(runs))
        going: dict[Any, tuple[Run, Needs]] = {}
        unfit: dict[Needs, float] = {}
        while waiting or going:
            while waiting and len(going) < (jobs or len(runs)):
                number, run = waiting.popleft()
                needs = _needs(run, rows, nodes)
                asked = task.options(num_cpus=needs.CPU, num_gpus=needs.GPU, memory=needs.memory)
                going[asked.remote(content, number)] = run, needs
            ended, _ = ray.wait(list(going), timeout=POLL)
            for reference in ended:
                run, _ = going.pop(reference)
                yield _ending(ray, run, reference)
            if not ended:
                for reference in _without_node(going, _nodes(ray), unfit):
                    run, needs = going.pop(reference)
                    ray.cancel(reference)
                    yield Ending(run, f"no node of the cluster has {needs}")


def check(address: str) -> ModuleType:
    """Check that Ray is there, and that something answers at the address; return Ray.

    Raises
    ------
    ModuleNotFoundError, ValueError, ConnectionError, RuntimeError
        As `carry_out`.
    """
    # A run that is too large for every node fails in the end; by default Ray tries for ever.
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))
    with needing("ray"):
        import ray
    if ray.is_initialized():
        raise RuntimeError(
            "--ray: this process is connected to a cluster; call ray.shutdown() first"
        )
    address = _meant(address)
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or "/" in host or not port.isdecimal():
            raise ValueError(f"--ray {plain(address)}: give HOST:PORT of a Ray cluster, or auto")
        try:  # Ray itself tries for minutes
            socket.create_connection((host, int(port)), ANSWER).close()
        except (OSError, OverflowError) as error:
            raise ConnectionError(
                f"--ray {plain(address)}: no cluster answers ({plain(error)}). `ray start --head` starts one"
            ) from error
    return ray


def _meant(address: str) -> str:
    """Return the address that 'auto' means, as far as the environment tells."""
    return os.environ.get("RAY_ADDRESS", address) if address == "auto" else address


@contextmanager
def _connected(ray: ModuleType, address: str) -> Iterator[None]:
    """Be a driver of the cluster within the block."""
    address = _meant(address)
    variables = {name: text for name, text in os.environ.items() if name.startswith("LVMMED_")}
    variables["PYTHONPATH"] = f"{CHECKOUT}{os.pathsep}${{PYTHONPATH}}"
    stop = signal.getsignal(signal.SIGTERM)  # Ray sets its own
    try:
        try:
            ray.init(
                address,
                log_to_driver=False,
                logging_level="error",
                runtime_env={"env_vars": variables},
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise type(error)(f"--ray {plain(address)}: {plain(error)}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, stop)
        yield
    finally:
        ray.shutdown()


def _nodes(ray: ModuleType) -> list[Mapping[str, float]]:
    """Return what each living node has in all, in the units of `Needs`."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _needs(run: Run, rows: Iterable[Row], nodes: Sequence[Mapping[str, float]]) -> Needs:
    """Return what a run asks for: never more memory than the largest node has."""
    spec = run.spec
    if any(node.get("GPU") for node in nodes):
        return Needs(run.identity.threads, 1, 0)
    known = [
        row.memory_mb
        for row in rows
        if not row.gpu
        and (row.task, row.backbone, row.profile, row.recipe, row.overrides)
        == (spec.task, spec.backbone, spec.profile, spec.recipe, as_dict(spec.overrides))
    ]
    most = max((node.get("memory", 0) for node in nodes), default=0)
    return Needs(run.identity.threads, 0, min(int(max(known, default=0)) << 20, int(most)))


def _without_node(
    going: Mapping[Any, tuple[Run, Needs]],
    nodes: Sequence[Mapping[str, float]],
    unfit: dict[Needs, float],
) -> list[Any]:
    """Return the tasks that no node has had the room for since `PATIENCE`; Ray itself waits for ever.

    Parameters
    ----------
    unfit : dict
        Since when no node has the room, by what a task needs; it is brought up to date.
    """
    now = time.monotonic()
    for needs in {needs for _, needs in going.values()}:
        if any(needs.fit(node) for node in nodes):
            unfit.pop(needs, None)
        elif needs not in unfit:
            say(f"no node of the cluster has {needs}: waiting {PATIENCE:.0f} s for one")
            unfit[needs] = now
    return [
        reference
        for reference, (_, needs) in going.items()
        if now - unfit.get(needs, now) >= PATIENCE
    ]


def _ending(ray: ModuleType, run: Run, reference: Any) -> Ending:
    """Return how a run ended, from its task."""
    try:
        outcome = msgspec.json.decode(ray.get(reference), type=Outcome)
    except ray.exceptions.RayTaskError as error:  # a traceback; its last line tells
        return Ending(run, plain(str(error).strip().splitlines()[-1]))
    except ray.exceptions.RayError as error:
        return Ending(run, plain(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"))
    if outcome.folder != run.folder.name and (half := run.with_half_the_batch()):
        run = half
    return Ending(run, plain(outcome.failure), outcome.elsewhere)


def _do(content: bytes, number: int) -> bytes:
    """Carry out a run in a worker of Ray; return an `Outcome`."""
    work = msgspec.json.decode(content, type=planned.Jobs)
    job = work.jobs[number]
    if not work.places.results.is_dir():
        return msgspec.json.encode(
            Outcome(
                job.run,
                f"{socket.gethostname()} has no folder {plain(work.results)}. "
                "All nodes must see the folder of results: lay it on shared storage",
                False,
            )
        )
    # The worker's server of processes may have begun with another GPU.
    gpu = os.environ.get(VISIBLE) or None
    try:
        ending = planned.carry_out(work, number, gpu)
    except (ValueError, OSError, RuntimeError) as error:
        return msgspec.json.encode(Outcome(job.run, plain(error), False))
    return msgspec.json.encode(Outcome(ending.run.folder.name, ending.failure, ending.elsewhere))
