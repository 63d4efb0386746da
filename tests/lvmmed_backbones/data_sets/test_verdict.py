"""The list of data sets, and what it says of a declared pretraining and a task."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvmmed_backbones import catalogue
from lvmmed_backbones.data_sets import (
    find,
    is_name,
    listed,
    of_lvmmed,
    share_images,
    similar,
    verdict,
)
from tasks import datasets

NAMES = sorted(
    {name for data_set in listed() for name in (data_set.name, *data_set.prepared)}
    | {"somebody's own", "private:mine", "mine"}
)
DECLARED = st.lists(st.sampled_from(NAMES), max_size=8)
TASKS = st.sampled_from(NAMES)


def test_each_name_means_one_data_set() -> None:
    names = [
        name
        for data_set in listed()
        for name in {each.casefold() for each in (data_set.name, *data_set.prepared)}
    ]
    assert len(names) == len(set(names))
    assert all(is_name(name) for name in names)


def test_data_sets_that_share_images_are_listed_and_are_others() -> None:
    names = {data_set.name for data_set in listed()}
    for data_set in listed():
        assert names >= set(data_set.shares), data_set.name
        assert data_set.name not in data_set.shares


def test_the_data_set_of_every_card_is_listed() -> None:
    assert [name for name in datasets.names() if find(name) is None] == []


def test_the_data_sets_of_medmnist_are_listed_at_every_size() -> None:
    info = pytest.importorskip("medmnist").INFO
    assert [flag for flag in info if find(flag) is None] == []
    assert find("pneumoniamnist_224") == find("PneumoniaMNIST") == find("pneumonia")
    assert find("organmnist3d_64") == find("LiTS2017")


def test_what_entries_declare_is_listed() -> None:
    began = "what LVM-Med's ViT-H began with"  # which nobody knows
    for name in catalogue.modules():
        seen = catalogue.get(name).data_sets
        assert seen is not None, name
        assert [each for each in seen if find(each) is None and each != began] == [], name


def test_the_corpus_of_lvmmed_has_the_papers_55_data_sets() -> None:
    assert len(of_lvmmed()) == 55
    assert find("hippocampus").name not in of_lvmmed()  # type: ignore[union-attr]
    assert sum(name.startswith("MSD ") for name in of_lvmmed()) == 7


@pytest.mark.parametrize(
    ("declared", "task", "expected"),
    [
        (None, "kvasir", "unknown"),
        ([], "kvasir", "clean"),
        ([], "nobody knows it", "clean"),
        (["ImageNet-1k"], "kvasir", "clean"),
        (["ImageNet-1k"], "nobody knows it", "unknown"),
        (["HyperKvasir"], "kvasir", "shared"),
        (["ISIC2019"], "isic2018", "shared"),
        (["MSD"], "hippocampus", "shared"),
        (of_lvmmed(), "hippocampus", "clean"),
        (of_lvmmed(), "vindr", "shared"),
        (["kvasir"], "kvasir", "shared"),
        (["LVD-142M"], "kvasir", "unknown"),
        (["LVD-142M", "Kvasir"], "kvasir", "shared"),
        (["our hospital"], "kvasir", "unknown"),
        (["private:our hospital"], "kvasir", "clean"),
        (["private:our hospital"], "nobody knows it", "unknown"),
        (["nobody knows it"], "Nobody knows it", "shared"),
        (["ISIC2018 Task 3"], "pathmnist", "clean"),
        (["ISIC2018"], "dermamnist_64", "shared"),
    ],
)
def test_verdicts(declared, task: str, expected: str) -> None:
    assert verdict(declared, task) == expected


@given(DECLARED, TASKS, st.randoms(use_true_random=False))
def test_the_order_of_what_is_declared_does_not_matter(
    declared: list[str], task: str, draw: random.Random
) -> None:
    shuffled = draw.sample(declared, len(declared))
    assert verdict(shuffled, task) == verdict(declared, task)


@given(DECLARED, TASKS, st.sampled_from(NAMES))
def test_a_further_data_set_never_makes_a_verdict_better(
    declared: list[str], task: str, further: str
) -> None:
    order = ("clean", "unknown", "shared")
    before, after = verdict(declared, task), verdict([*declared, further], task)
    assert order.index(after) >= order.index(before)


@given(TASKS, TASKS)
def test_two_data_sets_share_images_in_both_directions(one: str, other: str) -> None:
    assert verdict([one], other) == "shared" or verdict([other], one) != "shared"
    if (a := find(one)) and (b := find(other)):
        assert share_images(a, b) == share_images(b, a)


@given(DECLARED.filter(bool), TASKS)
def test_clean_is_said_only_of_what_is_listed_or_private(declared: list[str], task: str) -> None:
    if verdict(declared, task) == "clean":
        assert find(task) is not None
        for name in declared:
            seen = find(name)
            assert name.startswith("private:") if seen is None else not seen.unlisted


def test_names_that_are_like_a_wrong_one_are_told() -> None:
    assert similar("Kvasir SEG")[0] == "Kvasir" and similar("LITS 2017")[0] == "LiTS2017"
    assert similar("zzzzzzz") == []
