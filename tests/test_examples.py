"""The examples of the docs run as a reader would try them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import changed

ROOT = Path(__file__).resolve().parents[1]


def examples(page: str) -> str:
    """The code below the heading 'From Python' of a page of docs."""
    text = (ROOT / "docs" / page).read_text().partition("\n## From Python\n")[2]
    blocks = re.findall(r"^```python\n(.*?)^```", text.partition("\n## ")[0], re.MULTILINE | re.S)
    assert blocks, page
    return "\n".join(blocks)


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


OTHERS = (ROOT / "docs" / "examples.md").read_text()
OPENMMLAB = "mmengine.hub"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=pytest.mark.slow if OPENMMLAB in code else ())
        for code in re.findall(r"^```python\n(.*?)^```", OTHERS, re.MULTILINE | re.S)
    ],
    ids=["torch", "timm", "smp", "monai", "mmdet", "mmseg", "mmpretrain"],
)
def test_a_backbone_in_other_libraries(code: str, tmp_path: Path) -> None:
    """Each trains one step at least; the examples assert by themselves that weights and features are ours."""
    printed = run(code, tmp_path)
    losses = [float(loss) for loss in re.findall(r"^loss (.+)$", printed, re.MULTILINE)]
    assert all(map(math.isfinite, losses)) and (losses or "logits (2, 5)" in printed)
    if len(losses) == 5:  # plain PyTorch
        assert losses[-1] < losses[0] / 2


def test_from_a_data_set_to_a_backbone(tmp_path: Path) -> None:
    run(
        "\n".join(
            [
                examples("tasks.md"),
                "assert problems == []",
                examples("corpus.md"),
                "assert built.images == 40 and found.removed == len(found.duplicates) == 20",
                examples("pretraining.md"),
                "assert catalogue.get('my_backbone').method == 'SimCLR'",
                "import lvmmed_backbones",
                "assert lvmmed_backbones.build('my_backbone', 'vector')",
            ]
        ),
        tmp_path,
    )
    assert (tmp_path / "BACKBONES" / "my_backbone.safetensors").is_file()


def test_reports(tmp_path: Path) -> None:
    for number, (name, value) in enumerate([("random_resnet50", 0.4), ("my_backbone", 0.5)] * 2):
        path = tmp_path / "RESULTS" / "runs" / str(number) / "record.json"
        path.parent.mkdir(parents=True)
        record = changed(
            {
                "run": f"{number}",
                "backbone.name": name,
                "seed": number // 2,
                "metrics": {"dice": value + number / 1000},
                "cases": [{"case": "01_test", "dice": value + number / 1000}],
            }
        )
        path.write_text(json.dumps(record))
    run(
        "\n".join(
            [
                examples("reports.md"),
                "assert len(board.cells) == 2 and board.problems == []",
                "assert round(comparison.tasks[0].difference, 3) == 0.101",
                examples("sharing.md"),
                "assert report.runs == 4 and report.problems == []",
            ]
        ),
        tmp_path,
    )
    assert (tmp_path / "SITE" / "index.html").is_file()
