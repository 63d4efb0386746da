"""Runs on a Ray cluster of two nodes on this machine, one of which dies; `tox -e ray`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("ray", reason="Ray is not installed: tox -e ray")

import ray
from ray.cluster_utils import Cluster

import benchmarks
from benchmarks.jobs import Job, Jobs
from benchmarks.results import LEASE
from benchmarks.scheduler import ray as on_ray
from benchmarks.scheduler.lease import read_holder, start_of
from tests.faults.commands import LIMIT, Command, path
from tests.faults.conftest import launcher
from tests.faults.folders import half_written, records, scores
from tests.faults.grid import assert_in_order

pytestmark = pytest.mark.ray
SEEDS = range(4)
CHOICE = ("--profile", "mini", "--backbones", "random_resnet18_half")
TASK = "brain_tumor_finetune"


@dataclass(frozen=True)
class Nodes:
    """A cluster with two nodes, each of which has room for one run."""

    cluster: Cluster
    alive: list

    def kill_one(self) -> None:
        """Kill all of Ray on the first node at once, and put a new one in its place."""
        self.cluster.remove_node(self.alive.pop(0), allow_graceful=False)
        self.alive.append(self.cluster.add_node(num_cpus=1))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([path(), os.environ.get("PYTHONPATH", "")]))
        cluster = Cluster(
            initialize_head=True, head_node_args=dict(num_cpus=0, include_dashboard=False)
        )
        yield Nodes(cluster, [cluster.add_node(num_cpus=1) for _ in range(2)])
        cluster.shutdown()


@dataclass(frozen=True)
class Study:
    """A study in a folder of results of its own."""

    results: Path
    work: Path
    launch: Callable[..., Command]

    def start(self, *words: str) -> Command:
        folders = ["--results", self.results, "--work", self.work]
        seeds = [str(seed) for seed in SEEDS]
        return self.launch(
            *("benchmarks", "run", *CHOICE, *folders, "--tasks", TASK, "--seeds", *seeds, *words),
            before=[],  # executed, not forked from a process that does not see Ray
            environment={"PYTHONPATH": os.pathsep.join([path(), os.environ.get("PYTHONPATH", "")])},
        )

    def going_on(self) -> list[int]:
        """Return the processes of the runs that train."""
        holders = [read_holder(lease) for lease in self.results.glob(f"runs/*/{LEASE}.*")]
        return [
            holder.process
            for holder in holders
            if holder and start_of(holder.process) == holder.born
        ]

    def begun(self) -> int:
        """Return how often a run was begun."""
        logs = self.results.glob("runs/*/run.log")
        return sum(log.read_text().count("System environment:") for log in logs)


@pytest.fixture(scope="module")
def local(starter, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Carry the study out on this machine, without Ray."""
    folder = tmp_path_factory.mktemp("local")
    study = Study(folder / "results", folder / "work", launcher(starter, folder))
    assert_in_order(study.start("--jobs", "2"), 0)
    return study


@pytest.fixture
def study(local: Study, start, tmp_path: Path) -> Study:
    return Study(tmp_path / "results", local.work, start)


def wait_until(condition: Callable[[], object], driver: Command) -> None:
    limit = time.monotonic() + LIMIT
    while not condition():
        assert not driver.ended(), driver.said
        assert time.monotonic() < limit, driver.said
        time.sleep(0.02)


@pytest.mark.fault(
    "SIGKILL of a driver on Ray; of a node while the next driver works",
    "runs end with their driver; the same command does what is missing, and no more, elsewhere if a node dies; "
    "results as without Ray",
)
def test_a_driver_is_killed_and_then_a_node(study: Study, local: Study, nodes: Nodes) -> None:
    driver = study.start("--ray", nodes.cluster.address)
    wait_until(lambda: records(study.results) and study.going_on(), driver)
    driver.kill()
    assert driver.orphans() == {}
    before, begun = records(study.results), study.begun()
    left = len(SEEDS) - len(before)
    again = study.start("--ray", nodes.cluster.address)
    wait_until(lambda: len(study.going_on()) == 2 and study.begun() == begun + 2, again)
    nodes.kill_one()
    assert_in_order(again, 0)
    after = records(study.results)
    assert {run: after[run] for run in before} == before, "done runs were done again"
    assert f"{left} runs done, {len(before)} were done before, 0 failed" in again.said
    assert study.begun() == begun + left + 1
    assert scores(study.results) == scores(local.results)
    assert half_written(study.results) == []


@pytest.mark.fault(
    "SIGKILL of a run on Ray, then Ctrl-C of its driver",
    "the run fails by name and is not begun anew; the driver ends with a line, nothing runs on",
)
def test_a_run_is_killed_and_the_driver_stopped(study: Study, nodes: Nodes) -> None:
    driver = study.start("--ray", nodes.cluster.address, "--jobs", "1")
    wait_until(study.going_on, driver)
    (run,) = study.going_on()
    os.kill(run, signal.SIGKILL)
    wait_until(lambda: "failed: " in driver.said, driver)
    assert "killed by SIGKILL; out of memory?" in driver.said
    wait_until(study.going_on, driver)
    assert study.begun() <= 2
    driver.interrupt()
    assert_in_order(driver, 130)
    assert "stopped by Ctrl-C." in driver.said.splitlines()[-1], driver.said


def run_one(address: str, local: Study, results: Path, profile: str = "mini"):
    return benchmarks.run(
        profile=profile,
        tasks=["brain_tumor_linear"],
        backbones=["random_resnet18_half"],
        seeds=[0],
        results=results,
        work=local.work,
        ray=address,
    )


def test_a_run_for_which_no_node_has_room(
    local: Study, nodes: Nodes, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(on_ray, "PATIENCE", 1.0)
    (ending,) = run_one(nodes.cluster.address, local, tmp_path, profile="paper")
    assert ending.failure == "no node of the cluster has 4 CPUs"
    assert "no node of the cluster has 4 CPUs: waiting 1 s for one" in capsys.readouterr().err


def test_another_version_of_ray(local: Study, nodes: Nodes, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ray, "__version__", "1.0.0")
    with pytest.raises(RuntimeError, match=r"Version mismatch.*Ray: 1.0.0"):
        run_one(nodes.cluster.address, local, tmp_path)


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("127.0.0.1:1", ConnectionError, "no cluster answers .*refused"),
        ("ray://127.0.0.1:10001", ValueError, "give HOST:PORT"),
        ("127.0.0.1", ValueError, "give HOST:PORT"),
        ("127.0.0.1:70000", ConnectionError, "no cluster answers"),
    ],
)
def test_an_address_without_a_cluster(address: str, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        on_ray.check(address)


def test_a_node_that_does_not_see_the_results(local: Study, tmp_path: Path) -> None:
    job = Job(
        task=TASK,
        backbone="random_resnet18_half",
        profile="mini",
        seed=0,
        label_fraction=1.0,
        split="published",
        recipe="suite",
        overrides={},
        run="0" * 16,
    )
    jobs = Jobs(
        data=None,
        results=str(tmp_path / "not there"),
        work=str(local.work),
        keep_checkpoints=False,
        plugins=(),
        jobs=(job,),
    )
    outcome = msgspec.json.decode(on_ray._do(msgspec.json.encode(jobs), 0), type=on_ray.Outcome)
    assert "All nodes must see the folder of results" in outcome.failure
