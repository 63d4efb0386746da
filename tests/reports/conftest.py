"""Generated records: every test says only what matters to it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reports.__main__ import main
from tests.factories import changed
from tests.reports.hostile import SECRET


@pytest.fixture
def content() -> Callable[..., dict[str, Any]]:
    """Make a record's content: `content({'backbone.name': 'x'}, seed=1)`."""
    return lambda fields=None, /, **more: changed({**(fields or {}), **more})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a record of `backbone` with headline `value` into tmp_path/runs; its path."""

    def writer(
        backbone: str = "random_resnet50",
        value: float | None = 0.5,
        fields: dict[str, Any] | None = None,
        **more: Any,
    ) -> Path:
        record = changed({"backbone.name": backbone, **(fields or {}), **more})
        record["metrics"][record["metric"]] = value
        if "cases" not in {**(fields or {}), **more}:
            record["cases"] = [{"case": "01_test", record["metric"]: value}]
        path = tmp_path / "runs" / f"{len(list(tmp_path.glob('runs/*'))):03}" / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))
        return path

    return writer


def joined_groups(mean_ranks: NDArray[np.float64], critical: float) -> list[list[int]]:
    """The largest groups of backbones whose mean ranks lie within a critical difference: the bars of its diagram.

    Parameters
    ----------
    mean_ranks : ndarray
        (K,).

    Returns
    -------
    list of list of int
        Places in `mean_ranks`, best first, of each group of at least two; the group of the best first.
    """
    order = np.argsort(mean_ranks, kind="stable")
    sorted_ranks = mean_ranks[order]
    ends = np.searchsorted(sorted_ranks, sorted_ranks + critical, side="right")
    return [
        order[start:end].tolist()
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or end > ends[start - 1])
    ]


@pytest.fixture(scope="session")
def cliques() -> Callable[..., list[list[int]]]:
    """What a critical difference joins, reckoned from the mean ranks alone."""
    return joined_groups


@pytest.fixture
def limit() -> Iterator[None]:
    """A test that hangs fails."""

    def hangs(*_: object) -> None:
        pytest.fail("hangs")

    former = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private file outside the results."""
    path = tmp_path_factory.mktemp("home") / "secret"
    path.write_text(SECRET)
    return path


@pytest.fixture
def errors(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Run a verb that finds faults; its errors, each one line without control characters."""

    def run(*words: object, code: int = 1) -> list[str]:
        capsys.readouterr()
        assert main([str(word) for word in words]) == code
        said = capsys.readouterr()
        for line in (said.out + said.err).split("\n"):
            assert line.isprintable(), line
        return [line for line in said.err.split("\n") if line.startswith("error: ")]

    return run
