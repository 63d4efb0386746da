"""Audits: written and read again, and the cases of a record that leaked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvmmed_backbones.records.audits import FOLDER, Audit, leaked_cases, read_audits, write_audit


def audit(corpus: str, *leaked: str, dataset: str = "drive", **more) -> Audit:
    return Audit(corpus=corpus, dataset=dataset, by="pixels", tested=9, leaked=[*leaked], **more)


def test_an_audit_is_read_again_and_replaces_an_earlier_one_of_the_same(tmp_path: Path) -> None:
    write_audit(tmp_path, audit("c" * 64, "01"))
    second = write_audit(tmp_path, audit("c" * 64, "02", "u\u0308"))
    others = [audit("d" * 64), audit("c" * 64, dataset="dri-ve"), audit("c" * 64, dataset="dri_ve")]
    for other in others:
        write_audit(tmp_path, other)
    found, problems = read_audits(tmp_path)
    assert not problems and len(found) == 4 == len(set(second.parent.iterdir()))
    assert [a.leaked for a in found if a.leaked] == [["02", "\u00fc"]]


def test_a_file_from_before_whole_data_sets_is_read(tmp_path: Path) -> None:
    path = write_audit(tmp_path, audit("c", "01"))
    path.write_text(path.read_text().replace('"whole": false', '"more": 1'))
    assert read_audits(tmp_path) == ([audit("c", "01")], [])


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2}', '{"schema": 1, "corpus": ""}'])
def test_a_file_that_is_none_is_named_with_the_remedy(content: str, tmp_path: Path) -> None:
    path = write_audit(tmp_path, audit("c"))
    path.write_text(content)
    found, (problem,) = read_audits(tmp_path)
    assert not found and str(path) in problem and "corpus audit" in problem


def test_audits_out_of_the_folder_of_results_are_named_and_not_read(tmp_path: Path) -> None:
    elsewhere, results = tmp_path / "elsewhere", tmp_path / "results"
    write_audit(elsewhere, Audit("a", "bccd", "pixels", 3, ["b"]))
    results.mkdir()
    (results / FOLDER).symlink_to(elsewhere / FOLDER)
    audits, (problem,) = read_audits(results)
    assert audits == [] and "leads out of" in problem


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("")
    audits, (problem,) = read_audits(tmp_path)
    assert audits == [] and str(tmp_path / FOLDER) in problem


def test_nothing_is_known_without_an_audit_of_every_corpus() -> None:
    of_c, of_d = audit("c"), audit("d", "01")
    assert leaked_cases([of_c], ["c"], "drive", ["01"]) == set()
    assert leaked_cases([of_c], [], "drive", ["01"]) is None
    assert leaked_cases([of_c], ["c"], "kvasir", ["01"]) is None
    assert leaked_cases([of_c], ["c", "d"], "drive", ["01"]) is None
    assert leaked_cases([of_c, of_d], ["c", "d"], "drive", ["01", "02"]) == {"01"}
    assert leaked_cases([of_d], ["c", "d"], "drive", ["01"]) == {"01"}  # known of one is enough
    assert leaked_cases([of_d], ["c", "d"], "drive", ["02"]) is None


def test_a_folders_name_stands_for_what_lies_in_it_and_endings_do_not_count() -> None:
    found = [audit("c", "a", "site/b", "c.d")]
    cases = ["a", "a.png", "A", "a/00", "a/00/1.jpg", "site/b/3", "b", "site", "c", "c.d", "ab"]
    assert leaked_cases(found, ["c"], "drive", cases) == {
        *("a", "a.png", "a/00", "a/00/1.jpg", "site/b/3", "c.d")
    }
    assert leaked_cases([audit("c", whole=True)], ["c"], "drive", cases) == set(cases)


NAMES = st.lists(st.sampled_from(["a", "a.png", "b", "b/1", "b/1.jpg", "c", "c/2/x"]), unique=True)


@given(NAMES, NAMES, NAMES)
def test_leaked_cases_are_cases_and_more_images_leak_no_fewer(
    leaked: list[str], more: list[str], cases: list[str]
) -> None:
    few = leaked_cases([audit("c", *leaked)], ["c"], "drive", cases)
    many = leaked_cases([audit("c", *leaked, *more)], ["c"], "drive", cases)
    assert few is not None and many is not None
    assert few <= many <= set(cases) and few >= set(cases) & set(leaked)
