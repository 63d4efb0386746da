"""The study of graph construction on synthetic views, small."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.studies.matching.__main__ import BEGIN, END
from benchmarks.studies.matching.construction import GRAPHS, IMAGES, construction
from lvmmed_backbones.revision import ROOT


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return construction(weights=(0.5,), noises=(0.0, 0.3), seeds=2)


def test_own_graphs_mislead_and_shared_graphs_give_the_match_away(table: pd.DataFrame) -> None:
    quiet = table[table["noise"] == 0].groupby("graph")["accuracy"].mean()
    assert 0.4 < quiet["linear"] < 0.8 and quiet["none"] < quiet["linear"] < quiet["mutual"]
    assert min(quiet["first"], quiet["union"], quiet["random"]) > 0.95


def test_every_setting_has_a_row_and_linear_assignment_is_the_measure(table: pd.DataFrame) -> None:
    assert len(table) == 2 * 2 * (1 + len(GRAPHS))
    linear = table[table["graph"] == "linear"]
    assert linear["first_order"].to_numpy() == pytest.approx(1)
    assert linear.loc[linear["noise"] == 0, "size"].to_numpy() == pytest.approx(1)
    edges = table.groupby("graph")["edges"].agg(["min", "max"])
    assert tuple(edges.loc["first"]) == tuple(edges.loc["none"]) == (5 * IMAGES, 5 * IMAGES)
    assert edges.loc["mutual", "max"] < 5 * IMAGES < edges.loc["union", "min"]
    assert not edges.loc["linear"].any()


def test_the_same_draws_give_the_same_rows(table: pd.DataFrame) -> None:
    again = construction(weights=(0.5,), noises=(0.0,), seeds=1)
    first = table[(table["seed"] == 0) & (table["noise"] == 0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)


def test_the_page_has_a_place_for_every_table() -> None:
    page = (ROOT / "docs" / "graph_matching.md").read_text()
    for command in BEGIN.values():
        assert END in page.partition(f"<!-- measured: {command} -->")[2]
