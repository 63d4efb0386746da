"""Folders of runs that were tampered with: every verb reports what is sound and names the rest."""

from __future__ import annotations

import json
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.__main__ import main
from tests.reports.mutations import (
    bytes_of,
    png,
    write_gallery,
)

pytestmark = pytest.mark.usefixtures("limit")
COUNTS = pytest.mark.parametrize("count", [24, pytest.param(300, marks=pytest.mark.slow)])


@pytest.fixture
def stranger(content: Callable[..., dict], tmp_path: Path) -> Callable[..., Path]:
    """A folder of two sound backbones of three seeds, and of runs that were tampered with."""

    def maker(number: int, rng: random.Random, tampered_runs: int, galleries: bool = False) -> Path:
        results = tmp_path / f"results{number}"
        cases = [{"case": f"c{n}", "dice": 0.5} for n in range(4)]
        for place in range(6 + tampered_runs):
            kind = (
                rng.choice(("segmentation", "detection", "classification"))
                if galleries
                else "segmentation"
            )
            name = "ab"[place % 2] if place < 6 else rng.choice(("a", "b", f"t{place}"))
            task = "buid" if place < 6 else "drive" if not galleries else f"{kind}{place}"
            one = content(
                {"backbone.name": name},
                seed=place // 2,
                kind=kind,
                task=task,
                cases=cases,
                run=f"{place}",
            )
            run = results / f"{place}"
            run.mkdir(parents=True)
            data = json.dumps(one).encode() if place < 6 else bytes_of(one, rng)
            if galleries:
                write_gallery(run / "gallery", kind)
                if place >= 6:
                    data = json.dumps(one).encode() if place % 2 else data
                    name = rng.choice(
                        ("gallery.json", "gallery.json", "boxes.json", "image.png", "truth.png")
                    )
                    whole = (run / "gallery" / name).read_bytes()
                    spoilt = (
                        png(whole, rng)
                        if name.endswith("png")
                        else bytes_of(json.loads(whole), rng)
                    )
                    (run / "gallery" / name).write_bytes(spoilt)
            (run / "record.json").write_bytes(data)
        return results

    return maker


@pytest.fixture
def reported(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Run a verb: it ends with 0 or 1, and whatever it says are plain lines; a problem names a file of the results."""

    def run(results: Path, *words: object) -> None:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        problems = [line for line in said.err.split("\n") if line.startswith("error: ")]
        assert code == bool(problems)
        for line in (said.out + said.err).split("\n"):
            assert line.isprintable(), line
        for line in problems:
            assert len(line) < 4000, line
            assert str(results) in line or re.search(
                "no task in common|no run of a backbone", line
            ), line
        assert not list(results.parent.rglob("*.partial"))

    return run


@pytest.mark.parametrize("verb", ["leaderboard", "tables", "compare"])
def test_tables_of_tampered_records(
    stranger: Callable[..., Path], reported: Callable[..., None], verb: str
) -> None:
    rng = random.Random(verb)
    for number in range(20):
        results = stranger(number, rng, 20)
        words = ["a", "b"] if verb == "compare" else ["--out", results / "out"]
        reported(results, verb, results, *words)
        if verb != "compare":
            assert any((results / "out").iterdir())


@COUNTS
@pytest.mark.filterwarnings("ignore:Glyph", "ignore:Invalid APNG")
def test_figures_of_tampered_records(
    stranger: Callable[..., Path], reported: Callable[..., None], count: int
) -> None:
    signal.alarm(60 + 2 * count)
    results = stranger(0, random.Random(6), count, galleries=True)
    reported(results, "figures", results)
    assert len(list(results.glob("figures/*/*.svg"))) == len(list(results.glob("figures/*/*.png")))


@COUNTS
@pytest.mark.filterwarnings("ignore:Glyph", "ignore:Invalid APNG")
def test_a_site_of_tampered_records(
    stranger: Callable[..., Path], reported: Callable[..., None], tmp_path: Path, count: int
) -> None:
    signal.alarm(60 + 2 * count)
    results = stranger(0, random.Random(7), count, galleries=True)
    reported(results, "site", results, "--out", tmp_path / "site")
    assert (tmp_path / "site" / "index.html").is_file()
    for path in (tmp_path / "site").rglob("*.html"):
        text = path.read_text()
        assert "<script>" not in text.replace("<script>window", "") and "\x1b" not in text
