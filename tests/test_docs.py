"""The tutorials run as a reader would copy them, and the links between pages lead somewhere."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lvmmed_backbones.records import read

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md")])


def follow(tutorial: str, folder: Path) -> str:
    """Run all commands and all Python of a tutorial in their order, in a home without a catalogue.

    Returns
    -------
    str
        What they printed on stdout.
    """
    text = (ROOT / "docs" / "tutorials" / tutorial).read_text()
    script = ["import subprocess"]
    for language, block in re.findall(r"^```(bash|python)\n(.*?)^```", text, re.MULTILINE | re.S):
        command = f"subprocess.run(['bash', '-euc', {block!r}], check=True)"
        script.append(block if language == "python" else command)
    cleared = ("LVMMED_", "XDG_")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(script)],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(cleared)},
            "HOME": str(folder / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def backbones_of(results: Path) -> list[str]:
    records, problems = read(results)
    assert problems == []
    return sorted(record.backbone.name for record in records)


@pytest.mark.slow
def test_measure_a_backbone(tmp_path: Path) -> None:
    printed = follow("measure_a_backbone.md", tmp_path)
    assert "architecture: ResNet-18" in printed and "mean rank" in printed
    assert "my_net (A) is better on" in " ".join(printed.split())
    assert (
        backbones_of(tmp_path / "results") == ["imagenet_efficientnet_lite0"] * 4 + ["my_net"] * 4
    )
    assert "my_net" in (tmp_path / "results" / "leaderboard" / "leaderboard.csv").read_text()
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
def test_compare_two_pretrainings(tmp_path: Path) -> None:
    printed = follow("compare_two_pretrainings.md", tmp_path)
    assert re.search(r"pneumonia_linear difference: -?\d\.\d+", printed)
    assert re.search(r"verdict: (A|B|open)$", printed, re.MULTILINE)
    compared = backbones_of(tmp_path / "results")
    assert compared == ["my_lvmmed"] * 2 + ["my_simclr"] * 2 + ["random_resnet18_half"] * 2


def test_pretrain_on_your_images(tmp_path: Path) -> None:
    printed = follow("pretrain_on_your_images.md", tmp_path)
    assert [line.split()[0] for line in printed.splitlines() if re.match(r"\d \d", line)] == [
        *"012"
    ]
    assert "lvmmed_backbones.openmmlab" in printed and "my_backbone.safetensors" in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.S)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if ":" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/api/*.md")), ids=lambda page: page.stem)
def test_the_reference_finds_all_public_names(page: Path) -> None:
    """Sphinx's automodule shows those that are in `__all__` and that `dir` gives."""
    package = importlib.import_module(page.stem)
    assert f".. automodule:: {page.stem}\n" in page.read_text()
    assert set(package.__all__) <= set(dir(package))


def test_the_site_lists_every_page() -> None:
    listed = (ROOT / "docs" / "index.md").read_text()
    pages = {
        str(page.relative_to(ROOT / "docs").with_suffix("")) for page in ROOT.glob("docs/*.md")
    }
    pages |= {f"tutorials/{page.stem}" for page in ROOT.glob("docs/tutorials/*.md")}
    pages |= {f"../{page.stem}" for page in ROOT.glob("*.md")}
    assert [page for page in sorted(pages - {"index"}) if page not in listed] == []
