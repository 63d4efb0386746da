"""What LVM-Med's authors published of their images, in the names of the suite's cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lvmmed_backbones.data_sets import find, of_lvmmed, share_images
from lvmmed_backbones.data_sets.published import LVMMED, published_audits
from lvmmed_backbones.records.audits import leaked_cases
from tasks import datasets
from tasks.splits import published_split

FOUND = {audit.dataset: audit for audit in published_audits()}


def leaked(dataset: str, *cases: str) -> set[str] | None:
    return leaked_cases(published_audits(), [LVMMED], dataset, cases)


def test_they_are_of_data_sets_of_the_suite_and_fit_the_list() -> None:
    assert {*datasets.names()} >= {*FOUND} and len(FOUND) == len(published_audits())
    seen = [find(name) for name in of_lvmmed()]
    for name, audit in FOUND.items():
        own = find(name)
        shared = any(share_images(own, each) for each in seen)  # type: ignore[arg-type]
        assert shared == bool(audit.leaked or audit.whole), name
        assert audit.by == "names" and audit.corpus == LVMMED
        assert len(set(audit.leaked)) == len(audit.leaked) <= audit.tested


def test_the_numbers_are_those_of_the_lists() -> None:
    counts = {name: len(audit.leaked) for name, audit in FOUND.items() if audit.leaked}
    assert counts == dict(
        brats2018=57, mmwhs_ct=5, mmwhs_mri=5, isic2018=512, bccd=292, bccd_cells=292
    )
    assert {"kvasir", "prostate"}.isdisjoint(FOUND)  # names cannot tell


def test_the_test_patients_of_mmwhs_are_not_among_them() -> None:
    for name in ("mmwhs_ct", "mmwhs_mri"):
        splits = published_split(name)
        assert leaked(name, *splits["test"], *splits["valid"]) == set()
        assert leaked(name, *splits["train"]) == set(FOUND[name].leaked)


def test_smears_and_their_cells_are_found_by_the_names_of_records() -> None:
    """Of trained runs, without the ending of a file, and of `evaluate`, with it."""
    lists = datasets.SHIPPED / "bccd" / "ImageSets" / "Main"
    test, train = ((lists / f"{part}.txt").read_text().split() for part in ("test", "train"))
    assert leaked("bccd", *test) == set()  # LVM-Med took the authors' trainval.txt
    assert leaked("bccd", *test, *train) == set(train)
    cells = {f"{smear}/00{ending}" for smear in (*test, *train) for ending in ("", ".png")}
    found = leaked("bccd_cells", *cells)
    assert found == {cell for cell in cells if cell.partition("/")[0] in set(train)}


def test_all_of_vindr_was_seen_and_of_kvasir_nothing_is_known() -> None:
    assert leaked("vindr", "a", "b.png") == {"a", "b.png"}
    assert leaked("kvasir", "a") is None
    assert leaked("drive", "01_test") == set()


def test_they_say_what_the_shared_lists_say(real_data: Path) -> None:
    file = real_data.parent / "splits" / "pretraining_overlap.json"
    if not file.is_file():
        pytest.skip(f"no {file}")
    for name, names in json.loads(file.read_text()).items():
        assert FOUND[name].leaked == sorted(n.removesuffix(".jpg") for n in names)
