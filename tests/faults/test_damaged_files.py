"""Files that the suite reads back: cut at several lengths, empty, or with a flipped bit where a checksum sees it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.commands import Command
from tests.faults.conftest import launcher
from tests.faults.corpora import auditing, building, draw
from tests.faults.folders import contents, scores, tensors
from tests.faults.grid import RUNS, Grid, Whole, assert_finishes, assert_in_order
from tests.faults.test_killed_grid import EPOCHS
from tests.faults.test_killed_pretraining import LAST, METHODS, line
from tests.faults.test_vanishing import make_weights

HOLDS = "named with a remedy, or made anew; never taken for whole"
CUTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "a third of it": lambda content: content[: len(content) // 3],
    "without its last two bytes": lambda content: content[:-2],
}
LINES: dict[str, Callable[[bytes], bytes]] = {
    "half of its lines": lambda content: b"".join(
        content.splitlines(keepends=True)[: content.count(b"\n") // 2]
    )
}
FLIP: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit": lambda content: (
        content[: len(content) // 2]
        + bytes([content[len(content) // 2] ^ 1])
        + content[len(content) // 2 + 1 :]
    )
}
cuts = pytest.mark.parametrize("damage", CUTS)
cuts_and_flip = pytest.mark.parametrize("damage", CUTS | FLIP)


def spoil(path: Path, damage: str) -> bytes:
    """Damage a file; return its content before."""
    content = path.read_bytes()
    path.write_bytes((CUTS | LINES | FLIP)[damage](content))
    return content


def says(command: Command, path: Path) -> bool:
    """Return whether a command ended with a line that names a file and a remedy; otherwise it ended well."""
    code = command.wait()
    assert_in_order(command, code)
    named = [said for said in command.said.splitlines() if path.name in said]
    assert code == 0 or any(said.rstrip().endswith((".", "?")) or ". " in said for said in named), (
        command.said
    )
    return bool(named)


@pytest.fixture
def done(whole: Whole, start, tmp_path: Path) -> Grid:
    """Return a copy of the grid at its end."""
    shutil.copytree(whole.grid.results, tmp_path / "results")
    shutil.copytree(whole.grid.work, tmp_path / "work")
    return Grid(tmp_path, start)


def check(grid: Grid, **options) -> Command:
    """Start `check`, which says what of the grid is done."""
    return grid.start(verb="check", **options)


@pytest.mark.fault("A damaged file: record", HOLDS)
def test_records(done: Grid, whole: Whole) -> None:
    """All records at once are damaged, each in its own way; they are made anew."""
    paths = sorted(done.results.glob("runs/*/record.json"))
    for path, damage in zip(paths, [*CUTS, "a third of it"], strict=True):
        spoil(path, damage)
    again = done.start()
    assert_in_order(again, 0)
    assert f"{RUNS} runs done, 0 were done before" in again.said
    assert all(str(path) in again.said for path in paths)
    assert scores(done.results) == whole.scores


@pytest.mark.fault("A damaged file: index of results", HOLDS)
@cuts
def test_index(done: Grid, damage: str) -> None:
    assert_in_order(check(done), 0)
    spoil(done.results / "index.json", damage)
    shown = check(done)
    assert_in_order(shown, 0)
    assert shown.said.count("1 of 1 done") == RUNS


@pytest.mark.fault("A damaged file: index of a gallery", HOLDS)
@cuts
def test_gallery(done: Grid, start, damage: str) -> None:
    path = min(done.results.glob("runs/*/gallery/gallery.json"))
    spoil(path, damage)
    built = start("reports", "site", done.results, "--out", done.folder / "site")
    assert_in_order(built, 1)
    assert says(built, path)


@pytest.mark.fault("A damaged file: meta of a prepared data set", HOLDS)
@cuts
def test_meta(done: Grid, whole: Whole, damage: str) -> None:
    path = done.work / "prepared" / "phantoms" / "brain_tumor" / "meta.json"
    content = spoil(path, damage)
    shown = check(done)
    assert_in_order(shown, 0)
    assert shown.said.count("1 of 1 done") == RUNS
    assert path.read_bytes() == content


@pytest.mark.fault("A damaged file: weights of a backbone", HOLDS)
@cuts
def test_weights(done: Grid, damage: str) -> None:
    path = make_weights(done, 0)
    spoil(path, damage)
    shown = check(done, backbones=("random_resnet18_half", "mine"))
    assert_in_order(shown, 2)
    assert says(shown, path)


@dataclass(frozen=True)
class Built:
    """A corpus, built and audited.

    Attributes
    ----------
    folder : Path
        Of its sources and tests; `built` and `audited` hold the corpus.
    """

    folder: Path


@pytest.fixture(scope="module")
def built(starter, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    launch = launcher(starter, folder)
    draw(folder)
    for name, words in (("built", building), ("audited", auditing)):
        assert_in_order(launch(*words(folder, folder / "corpus")), 0)
        shutil.copytree(folder / "corpus", folder / name / "corpus")
    return Built(folder)


@pytest.mark.fault("A damaged file: manifest, summary, parts of a corpus", HOLDS)
@pytest.mark.parametrize(
    "name", ["manifest.parquet", "corpus.json", "parts/*.parquet", "parts/*.csv"]
)
@cuts
def test_corpus(built: Built, start, tmp_path: Path, name: str, damage: str) -> None:
    """An audit reads the file, and a build makes it anew; the remedy that the build names works."""
    out = tmp_path / "corpus"
    shutil.copytree(built.folder / "built" / "corpus", out)
    path = min(out.glob(name))
    spoil(path, damage)
    if "/" not in name:
        audit = start(*auditing(built.folder, out))
        assert_in_order(audit, 1)
        assert says(audit, path)
    again = start(*building(built.folder, out))
    if says(again, path):
        shutil.rmtree(out / "parts")
        again = start(*building(built.folder, out))
    assert_in_order(again, 0)
    assert contents(out) == contents(built.folder / "built" / "corpus")


@pytest.mark.fault("A damaged file: shard of a corpus", HOLDS)
@pytest.mark.parametrize("damage", ["empty", "a third of it", "a flipped bit"])
def test_shard(built: Built, start, tmp_path: Path, damage: str) -> None:
    """A pretraining reads the shard, and names it; its remedy works: remove the shard and its part, and build."""
    out = tmp_path / "corpus"
    shutil.copytree(built.folder / "built" / "corpus", out)
    path = min(out.glob("shards/*.tar"))
    spoil(path, damage)
    training = start(*line(METHODS[0], out, tmp_path / "run"))
    assert_in_order(training, 1)
    assert says(training, path)
    path.unlink()
    (out / "parts" / f"{path.stem}.parquet").unlink()
    assert_in_order(start(*building(built.folder, out)), 0)
    assert contents(out) == contents(built.folder / "built" / "corpus")


@pytest.mark.fault("A damaged file: list of what audits removed", HOLDS)
@cuts
def test_removed(built: Built, start, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "corpus"
    shutil.copytree(built.folder / "audited" / "corpus", out)
    spoil(out / "removed.csv", damage)
    audit = start(*auditing(built.folder, out))
    says(audit, out / "removed.csv")
    before, now = built.folder / "audited" / "corpus", out
    for name in ("manifest.parquet", "corpus.json"):
        assert (now / name).read_bytes() == (before / name).read_bytes()


@pytest.fixture(scope="module")
def trained(built: Built, starter) -> Path:
    """Carry out a pretraining to its end."""
    launch = launcher(starter, built.folder / "built")
    run = built.folder / "run"
    assert_in_order(launch(*line(METHODS[0], built.folder / "built" / "corpus", run)), 0)
    return run


@pytest.mark.fault("A damaged file: checkpoint of a pretraining", HOLDS)
@cuts_and_flip
def test_pretraining_checkpoint(
    built: Built, trained: Path, start, tmp_path: Path, damage: str
) -> None:
    """The damaged newest checkpoint is named; the run goes on from the older whole one, to the same end."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    path = run / f"iter_{LAST}.pth"
    spoil(path, damage)
    resumed = start(*line(METHODS[0], built.folder / "built" / "corpus", run, "--resume"))
    assert_in_order(resumed, 0)
    assert says(resumed, path)
    assert tensors(path) == tensors(trained / path.name)


@pytest.mark.fault("A damaged file: config of a pretraining", HOLDS)
@cuts
def test_pretraining_config(
    built: Built, trained: Path, start, tmp_path: Path, damage: str
) -> None:
    """The facts of the run are read from its checkpoints."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    spoil(run / "config.py", damage)
    (run / f"iter_{LAST}.pth").unlink()
    resumed = start(*line(METHODS[0], built.folder / "built" / "corpus", run, "--resume"))
    assert_in_order(resumed, 0)
    assert tensors(run / f"iter_{LAST}.pth") == tensors(trained / f"iter_{LAST}.pth")


@pytest.mark.fault("A damaged file: checkpoint of a run by epochs", HOLDS, tries=2)
def test_run_checkpoint(whole: Whole, start, tmp_path: Path) -> None:
    """The run is named with a remedy, which the test then follows; or the run begins anew."""
    shutil.copytree(whole.grid.work, tmp_path / "work")
    grid = Grid(tmp_path, start)
    driver = grid.start(**EPOCHS)
    while not (last := list(grid.results.glob("runs/*/last.pth"))):
        assert not driver.ended(), driver.said
        time.sleep(0.01)
    driver.kill()
    assert driver.orphans() == {}
    for damage in ("a flipped bit", "a third of it"):
        content = spoil(last[0], damage)
        again = grid.start(**EPOCHS)
        if says(again, last[0]):
            last[0].write_bytes(content)
            continue
        log = (last[0].parent / "run.log").read_text()
        assert "resumed epoch" not in log, f"it went on from one with {damage}"
        break


@pytest.mark.fault("A damaged file: list of a split", HOLDS, tries=2)
@pytest.mark.parametrize(
    ("trained", "tested"),
    [("half of its lines", "half of its lines"), ("empty", "without its last two bytes")],
)
def test_splits(grid: Grid, whole: Whole, trained: str, tested: str) -> None:
    """Damage the list that one data set is trained on, and the list that the other is tested on."""
    prepared = grid.work / "prepared" / "phantoms"
    whole_ones = {}
    for name, split, damage in (("brain_tumor", "train", trained), ("fgadr", "test", tested)):
        path = prepared / name / "splits" / f"{split}.txt"
        whole_ones[path] = spoil(path, damage)
    driver = grid.start()
    assert_in_order(driver, driver.wait())
    for path, content in whole_ones.items():
        path.write_bytes(content)
    assert_finishes(grid, whole)
