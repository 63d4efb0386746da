"""The tutorials run as a reader would run them, and the links between pages lead somewhere."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from lvmmed_backbones.records import read

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.early
TUTORIALS = sorted(ROOT.glob("docs/tutorials/*.ipynb"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md"), *TUTORIALS])
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
PROGRESS = re.compile(r"^.*\d%\|.*\n?", re.MULTILINE)  # a bar; other words on stderr stay
POINTS = (
    1.0  # of a score in percent: other processors sum in another order, and a test image is 0.2
)


@pytest.fixture
def follow(request: pytest.FixtureRequest, tmp_path: Path):
    """Run a tutorial in a fresh kernel, in an empty folder and a home without a catalogue; return what it printed."""

    def run(name: str, exact: bool = True) -> str:
        file = ROOT / "docs" / "tutorials" / f"{name}.ipynb"
        committed = nbformat.read(file, as_version=4)
        found = executed(nbformat.read(file, as_version=4), tmp_path)
        if request.config.getoption("--freeze"):
            nbformat.write(found, file)
        else:
            compare(committed, found, exact)
        return "\n".join(text for cell in found.cells for text in texts(cell))

    return run


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Return the notebook with the outputs of a fresh kernel."""
    cleared = ("LVMMED_", "XDG_", "OMP_", "JUPYTER", "JPY_")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(cleared)},
        "HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",  # other tests run beside it; and scores do not depend on the cores
        "PYTHONWARNINGS": "ignore:IProgress not found",  # bars as widgets need ipywidgets
    }
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=1200,
        record_timing=False,
        coalesce_streams=True,
    )
    (folder / "home").mkdir()
    client.execute(cwd=str(folder), env=environment)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                if output.get("name") == "stderr":
                    output.text = PROGRESS.sub("", output.text)
            cell.outputs = [output for output in cell.outputs if output.get("text", "-").strip()]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def texts(cell: NotebookNode) -> Iterator[str]:
    """What each output of a cell says as plain text."""
    for output in cell.get("outputs", []):
        yield output["text"] if output.output_type == "stream" else output["data"]["text/plain"]


def kinds(cell: NotebookNode) -> list[tuple]:
    return [
        (output.output_type, output.get("name"), *sorted(output.get("data", {})))
        for output in cell.get("outputs", [])
    ]


def compare(committed: NotebookNode, found: NotebookNode, exact: bool) -> None:
    """Compare outputs: their kinds, and where they are `exact`, their words, and their numbers to within POINTS."""
    for old, new in zip(committed.cells, found.cells, strict=True):
        assert kinds(old) == kinds(new), old.source
        if exact:
            for before, now in zip(texts(old), texts(new), strict=True):
                assert NUMBER.sub("0", before).split() == NUMBER.sub("0", now).split()
                numbers = [[float(n) for n in NUMBER.findall(text)] for text in (before, now)]
                assert numbers[1] == pytest.approx(numbers[0], abs=POINTS)


def backbones_of(results: Path) -> list[str]:
    records, problems = read(results)
    assert problems == []
    return sorted(record.backbone.name for record in records)


@pytest.mark.slow
def test_tutorial_evaluate_your_module(follow, tmp_path: Path) -> None:
    printed = follow("evaluate_your_module")
    assert "imagenet_efficientnet_lite0, 64 px" in printed and "verdict" in printed
    of_each = 6  # two probes, three seeds
    assert backbones_of(tmp_path / "results") == [
        *["GaborFilters"] * of_each,
        *["imagenet_efficientnet_lite0, 64 px"] * of_each,
        *["random_resnet18_half, 64 px"] * of_each,
    ]


@pytest.mark.slow
def test_tutorial_measure_a_backbone(follow, tmp_path: Path) -> None:
    printed = follow("measure_a_backbone", exact=False)  # it names the machine and the versions
    assert "architecture: ResNet-18" in printed and "mean rank" in printed
    assert "my_net (A) is better on" in " ".join(printed.split())
    assert (
        backbones_of(tmp_path / "results") == ["imagenet_efficientnet_lite0"] * 4 + ["my_net"] * 4
    )
    assert "my_net" in (tmp_path / "results" / "leaderboard" / "leaderboard.csv").read_text()
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.slow
def test_tutorial_compare_two_ssl_methods(follow, tmp_path: Path) -> None:
    printed = follow("compare_two_ssl_methods", exact=False)  # rounding grows in a pretraining
    # The order of the tasks is that of the records' checksums.
    for task in ("knn", "linear"):
        assert re.search(
            rf"^[01] +my_simclr +my_lvmmed +pneumonia_{task} +-?\d+\.\d", printed, re.MULTILINE
        )
    assert re.search(r"^1 +(A|B|open)\b", printed, re.MULTILINE)
    compared = backbones_of(tmp_path / "results")
    assert compared == ["my_lvmmed"] * 4 + ["my_simclr"] * 4 + ["random_resnet18_half"] * 4


@pytest.mark.slow
def test_tutorial_pretrain_on_your_images(follow, tmp_path: Path) -> None:
    printed = follow("pretrain_on_your_images")
    assert re.findall(r"^step (\d) loss \d\.\d+$", printed, re.MULTILINE) == [*"0123"]
    assert printed.splitlines()[-1] == "True"  # the model of mmpretrain has our weights
    config = (tmp_path / "my_config.py").read_text()
    assert "lvmmed_backbones.openmmlab" in config and "my_backbone.safetensors" in config


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_have_small_outputs_without_errors_or_places_of_a_machine(tutorial: Path) -> None:
    text = tutorial.read_text()
    assert len(text) < 300_000
    notebook = nbformat.read(tutorial, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    outputs = [output for cell in code for output in cell.outputs]
    assert "error" not in {output.output_type for output in outputs}
    said = "".join(
        str(
            {kind: data for kind, data in output.get("data", output).items() if "image" not in kind}
        )
        for output in outputs
    )
    # A path from the root; not a fraction, an end of a tag or an address.
    assert re.findall(r"(?<![\w<./])/(?:home|root|tmp|work|usr|mnt|var|opt|Users)\b\S*", said) == []
    assert outputs and os.uname().nodename not in said.split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", markdown_of(page), flags=re.MULTILINE | re.S)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if ":" not in link and not (page.parent / link).exists()]
    assert missing == []


def markdown_of(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text()
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


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
    pages |= {f"tutorials/{page.stem}" for page in TUTORIALS}
    pages |= {f"../{page.stem}" for page in ROOT.glob("*.md")}
    assert [page for page in sorted(pages - {"index"}) if page not in listed] == []
