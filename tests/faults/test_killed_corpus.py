"""SIGKILL of `corpus build` and of `corpus audit --remove`."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.commands import dies_at
from tests.faults.conftest import launcher, step_at
from tests.faults.corpora import auditing, building, draw, tells_the_truth
from tests.faults.folders import contents
from tests.faults.grid import assert_in_order

AGAIN = "the same command again gives the corpus of one that was not killed, byte for byte"


@dataclass(frozen=True)
class Corpora:
    """A corpus before and after its audit, without a fault.

    Attributes
    ----------
    folder : Path
        Of its sources and test images, and of the corpora.
    building, auditing : float
        Seconds.
    built, audited : dict of str to str
        Contents.
    steps : int
        Of the audit, changes to files.
    """

    folder: Path
    building: float
    auditing: float
    built: dict[str, str]
    audited: dict[str, str]
    steps: int


@pytest.fixture(scope="module")
def corpora(starter, tmp_path_factory: pytest.TempPathFactory) -> Corpora:
    folder = tmp_path_factory.mktemp("corpora")
    launch = launcher(starter, folder)
    draw(folder)
    seconds = []
    out, note = folder / "corpus", folder / "note"
    for words in (building(folder, out), auditing(folder, out)):
        begin = time.monotonic()
        command = launch(*words, environment=dies_at(0, out, note))
        assert_in_order(command, 0)
        seconds.append(time.monotonic() - begin)
        if words[2] == "build":
            built = contents(out)
            shutil.copytree(out, folder / "built" / "corpus")
            note.unlink()
    return Corpora(folder, *seconds, built, contents(out), note.stat().st_size)


@pytest.mark.fault("SIGKILL of `corpus build`", AGAIN)
@pytest.mark.moments(3)
def test_a_build_is_killed(corpora: Corpora, strike, start, tmp_path: Path, moment: float) -> None:
    out = tmp_path / "corpus"
    words = building(corpora.folder, out)
    strike(moment * corpora.building, *words, again=lambda: shutil.rmtree(out))
    assert tells_the_truth(out)
    assert_in_order(start(*words), 0)
    assert contents(out) == corpora.built


@pytest.mark.fault("SIGKILL of `corpus audit --remove`", AGAIN)
@pytest.mark.moments(3)
def test_an_audit_is_killed(corpora: Corpora, strike, start, tmp_path: Path, moment: float) -> None:
    out = tmp_path / "corpus"

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(corpora.folder / "built" / "corpus", out)

    begin()
    words = auditing(corpora.folder, out)
    strike(moment * corpora.auditing, *words, again=begin)
    assert_goes_on(corpora, start, out)


@pytest.mark.fault("SIGKILL of `corpus audit --remove` between two of its writes", AGAIN)
@pytest.mark.moments(3)
def test_an_audit_is_killed_at_a_step(
    corpora: Corpora, start, tmp_path: Path, moment: float
) -> None:
    out = tmp_path / "corpus"
    shutil.copytree(corpora.folder / "built" / "corpus", out)
    step = step_at(moment, corpora.steps)
    killed = start(
        *auditing(corpora.folder, out), environment=dies_at(step, out, tmp_path / "note")
    )
    assert killed.wait() == 137, killed.said
    assert_goes_on(corpora, start, out)


def assert_goes_on(corpora: Corpora, start, out: Path) -> None:
    assert tells_the_truth(out)
    again = start(*auditing(corpora.folder, out))
    assert_in_order(again, 0)
    assert contents(out) == corpora.audited
