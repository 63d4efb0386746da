"""Options, fixtures and the table of the tests that inject faults: `tox -e faults`."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.commands import Command, Starter
from tests.faults.grid import Grid, Whole, assert_in_order

HERE = Path(__file__).parent
ALL = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--all", action="store_true", help=f"{ALL} moments of each fault")
    group.addoption("--seed", type=int, default=0, help="of the moments (0)")
    group.addoption("--table", type=Path, metavar="FILE", help="write the table as Markdown")


def pytest_report_header(config: pytest.Config) -> str:
    return f"moments drawn from --seed {config.getoption('--seed', 0)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`@pytest.mark.moments(3)`: the argument `moment` is three numbers from 0 to 1, one in each third."""
    marker = metafunc.definition.get_closest_marker("moments")
    if marker is None:
        return
    fault = metafunc.definition.get_closest_marker("fault")
    tries = fault.kwargs.get("tries", 1)
    count = ALL // tries if metafunc.config.getoption("--all", False) else marker.args[0]
    seed = metafunc.config.getoption("--seed", 0)
    rng = random.Random(f"{seed} {metafunc.function.__name__}")
    moments = [round((part + rng.random()) / count, 3) for part in range(count)]
    metafunc.parametrize("moment", moments)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and add its fault to each report."""
    for number, item in enumerate(items):
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)
            if marker := item.get_closest_marker("fault"):
                tries = marker.kwargs.get("tries", 1)
                item.user_properties.append(("fault", (number, tries, *marker.args)))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print the table: each fault, what must hold after it, how often it was tried, how often that held."""
    rows: dict[tuple[str, str], list[int]] = {}
    reports = [
        (number, tries, (fault, holds), outcome)
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.stats.get(outcome, ())
        for key, value in getattr(report, "user_properties", ())
        if key == "fault"
        for number, tries, fault, holds in [value]
    ]
    for _, tries, words, outcome in sorted(reports):
        row = rows.setdefault(words, [0, 0])
        row[0] += tries
        row[1] += tries * (outcome == "passed")
    if not rows:
        return
    lines = ["| fault | what must hold after it | tried | held |", "|---|---|---:|---:|"]
    lines += [
        f"| {fault} | {holds} | {tried} | {held} |"
        for (fault, holds), (tried, held) in rows.items()
    ]
    terminalreporter.section("faults")
    for line in lines:
        terminalreporter.write_line(line)
    if file := config.getoption("--table"):
        file.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    starter = Starter()
    yield starter
    starter.close()


@pytest.fixture
def start(starter: Starter, tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start commands, `python -m MODULE WORDS`; what a test leaves running is ended after it."""
    yield launcher(starter, tmp_path)
    for command in starter.commands:
        command.end()
    starter.commands.clear()


@pytest.fixture
def strike(start: Callable[..., Command]) -> Callable[..., Command]:
    """Start a command and kill its first process; if it had ended before, begin anew and kill it earlier."""

    def call(seconds: float, *words: str | Path, again: Callable[[], object], **options) -> Command:
        while not (command := start(*words, **options)).strike_after(seconds):
            assert_in_order(command, 0)
            again()
            seconds *= 0.9
        assert command.orphans() == {}
        return command

    return call


def launcher(starter: Starter, folder: Path) -> Callable[..., Command]:
    numbers = itertools.count(1)

    def call(module: str, *words: str | Path, **options) -> Command:
        output = folder / f"output{next(numbers)}.txt"
        return starter.start(module, *words, output=output, **options)

    return call


@pytest.fixture(scope="session")
def whole(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Run the grid without a fault; return it, and how long it took."""
    folder = tmp_path_factory.mktemp("whole")
    grid = Grid(folder, launcher(starter, folder))
    begin = time.monotonic()
    assert_in_order(grid.start(), 0)
    return Whole(grid, time.monotonic() - begin)


@pytest.fixture
def grid(whole: Whole, start, tmp_path: Path) -> Grid:
    """Return the grid before it is run, with its data sets prepared."""
    shutil.copytree(whole.grid.work, tmp_path / "work", symlinks=True)
    return Grid(tmp_path, start)


def step_at(moment: float, steps: int) -> int:
    """Return the number of a step, from 1 to `steps`; more often near the end, where files take their place."""
    return steps + 1 - round(steps**moment)
