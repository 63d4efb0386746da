"""SIGKILL of `reports site` that writes over an older site."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.commands import dies_at
from tests.faults.conftest import launcher, step_at
from tests.faults.folders import contents, half_written
from tests.faults.grid import Whole, assert_in_order

OLD_OR_NEW = "the old site or the new one, whole, at every moment; the next build works"


@dataclass(frozen=True)
class Sites:
    """A site of half of the results, and a site of all.

    Attributes
    ----------
    folder : Path
        Of `old`, `new` and the results `half`.
    seconds : float
        That the new one takes.
    steps : int
        That take it, changes to files.
    """

    folder: Path
    results: Path
    old: dict[str, str]
    new: dict[str, str]
    seconds: float
    steps: int


@dataclass
class Watcher:
    """A reader that looks at a site again and again, as a web server does.

    Attributes
    ----------
    seen : set of str or None
        Checksums of its first page; `None` where there was none.
    """

    site: Path
    seen: set[str | None] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watcher:
        self.over.clear()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def watch(self) -> None:
        while not self.over.is_set():
            try:
                content = (self.site / "index.html").read_bytes()
                self.seen.add(hashlib.sha256(content).hexdigest())
            except OSError:
                self.seen.add(None)


@pytest.fixture(scope="module")
def sites(whole: Whole, starter, tmp_path_factory: pytest.TempPathFactory) -> Sites:
    folder = tmp_path_factory.mktemp("sites")
    launch = launcher(starter, folder)
    half = folder / "half"
    for run in sorted((whole.grid.results / "runs").iterdir())[::2]:
        shutil.copytree(run, half / "runs" / run.name)
    results, note, made = whole.grid.results, folder / "note", folder / "made" / "site"
    assert_in_order(launch("reports", "site", half, "--out", folder / "old" / "site"), 0)
    shutil.copytree(folder / "old", folder / "made")
    begin = time.monotonic()
    environment = dies_at(0, made.parent, note)
    assert_in_order(launch("reports", "site", results, "--out", made, environment=environment), 0)
    seconds = time.monotonic() - begin
    old = contents(folder / "old" / "site")
    return Sites(folder, results, old, contents(made), seconds, note.stat().st_size)


def test_a_site_has_the_same_bytes_each_time(sites: Sites, start, tmp_path: Path) -> None:
    """Otherwise the tests below could not tell the old site from the new one."""
    assert sites.old != sites.new
    assert_in_order(start("reports", "site", sites.results, "--out", tmp_path / "site"), 0)
    assert contents(tmp_path / "site") == sites.new


@pytest.mark.fault("SIGKILL of `site` over a site", OLD_OR_NEW)
@pytest.mark.moments(3)
def test_a_site_is_killed(sites: Sites, start, strike, tmp_path: Path, moment: float) -> None:
    def begin() -> None:
        shutil.rmtree(tmp_path / "web", ignore_errors=True)
        shutil.copytree(sites.folder / "old", tmp_path / "web")

    begin()
    site = tmp_path / "web" / "site"
    words = ["reports", "site", sites.results, "--out", site]
    watcher = Watcher(site)

    def again() -> None:
        """Begin anew, unseen by the watcher: the command was quicker than the kill."""
        watcher.__exit__()
        begin()
        watcher.__enter__()

    with watcher:
        strike(moment * sites.seconds, *words, again=again)
    assert_old_or_new(sites, start, site, watcher)


@pytest.mark.fault("SIGKILL of `site` between two of its writes", OLD_OR_NEW)
@pytest.mark.moments(3)
def test_a_site_is_killed_at_a_step(sites: Sites, start, tmp_path: Path, moment: float) -> None:
    shutil.copytree(sites.folder / "old", tmp_path / "web")
    site = tmp_path / "web" / "site"
    step = step_at(moment, sites.steps)
    with Watcher(site) as watcher:
        environment = dies_at(step, site.parent, tmp_path / "note")
        killed = start("reports", "site", sites.results, "--out", site, environment=environment)
        assert killed.wait() == 137, killed.said
    assert_old_or_new(sites, start, site, watcher)


def assert_old_or_new(sites: Sites, start, site: Path, watcher: Watcher) -> None:
    """Check the site during the build, after the kill, and after the next build."""
    assert contents(site) in (sites.old, sites.new)
    with watcher:
        assert_in_order(start("reports", "site", sites.results, "--out", site), 0)
    assert contents(site) == sites.new
    assert watcher.seen <= {sites.old["index.html"], sites.new["index.html"]}
    assert os.listdir(site.parent) == ["site"]
    assert half_written(site) == []
