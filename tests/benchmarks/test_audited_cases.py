"""The names that an audit gives to cases are those of records, of trained runs and of `evaluate` alike."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

import lvmmed_backbones
from benchmarks.grid import RunSpec
from lvmmed_backbones import corpus
from lvmmed_backbones.corpus.auditing import images_of_split
from lvmmed_backbones.corpus.manifest import read_summary
from lvmmed_backbones.records.audits import leaked_cases, read_audits
from tasks import registry
from tests.factories import placed

# One of each kind, with the name of a test case, and a probe; no probe finds boxes.
TASKS = {
    "drive": ("", "dense"),
    "mmwhs_mri": ("", "dense"),
    "prostate": ("BMC/", "dense"),
    "kvasir_detection": ("", None),
    "brain_tumor_finetune": ("", "knn"),
}


def cases_of_a_run(task: str, prepared: Path, folder: Path) -> set[str]:
    """The names in the record of a run that was not trained."""
    torch.manual_seed(0)
    Runner.from_cfg(placed(RunSpec(task, "random_vit_tiny", "mini", 0), prepared, folder)).test()
    return {row["case"] for row in json.loads((folder / "cases.json").read_text())}


def cases_of_evaluate(data: Path, probe: str, folder: Path) -> set[str]:
    """The names in the records of a probe."""
    options = dict(seeds=(0,), size=32, workers=0, cache=folder, probes=[probe])
    found = lvmmed_backbones.evaluate("random_resnet18_half", data, **options)  # type: ignore[arg-type]
    return {str(row["case"]) for row in found.records[0].cases}


@pytest.mark.parametrize("task", TASKS)
def test_a_leaked_case_has_the_name_of_records(
    task: str, prepared_root: Path, tmp_path: Path
) -> None:
    start, probe = TASKS[task]
    data = prepared_root / registry.get(task).task.dataset
    cases = cases_of_a_run(task, prepared_root, tmp_path)
    seen = next(case for case in sorted(cases) if case.startswith(start))
    (tmp_path / "mine").mkdir()
    for file in images_of_split(data, "test"):
        name = Path(file).relative_to("images")
        if seen in (str(name.with_suffix("")), str(name.parent)):
            shutil.copy(data / file, tmp_path / "mine")
    corpus.build([tmp_path / "mine"], tmp_path / "corpus", workers=1)
    fingerprint = read_summary(tmp_path / "corpus").fingerprint
    done = corpus.audit(tmp_path / "corpus", [data], results=tmp_path / "results", workers=1)

    (audit,), problems = read_audits(tmp_path / "results")
    assert not problems and done.written == [*(tmp_path / "results" / "audits").iterdir()]
    assert (audit.corpus, audit.dataset, audit.by) == (fingerprint, data.name, "pixels")
    assert audit.tested == len(cases) and not audit.whole
    assert seen in audit.leaked and len(audit.leaked) < len(cases)
    assert leaked_cases([audit], [fingerprint], data.name, cases) == set(audit.leaked)
    if probe:
        leaked = leaked_cases(
            [audit], [fingerprint], data.name, cases_of_evaluate(data, probe, tmp_path / "cache")
        )
        assert leaked and seen in {
            name.removesuffix(".jpg").removesuffix(".png") for name in leaked
        }
