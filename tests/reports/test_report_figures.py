"""What is drawn is what was given: the artists' own numbers against the data and independent references."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from reports.render.figures.overall_figures import (
    draw_cost,
    draw_critical_difference,
    draw_profiles,
    pareto,
)
from reports.render.figures.pretraining_figure import PANELS, WINDOWS, draw_pretraining
from reports.render.figures.style import (
    LONGEST,
    assign_looks,
    finish_figure,
    render_figure,
    save_figure,
    short_names,
    text_width,
    wrap_text,
)
from reports.render.figures.task_figures import (
    APART,
    MOST_POINTS,
    draw_bars,
    draw_boxes,
    draw_label_efficiency,
    draw_rank_stability,
    labels_apart,
)
from reports.render.files import file_name
from reports.statistics.aggregate import interquartile_mean, stratified_interval
from reports.statistics.ranks import critical_difference as critical
from reports.statistics.ranks import nemenyi, ranks

HOSTILE = ["<script>alert(1)</script>", "$x_1$", r"\frac{1}{2}", "a" * 200, "Ünïcödé", "&amp;"]
NOTE = "Measured on real images, profile small, all labels. Whiskers: 95 % confidence interval."


def backbones(number: int) -> list[str]:
    plain = [f"{m}_{a}" for a in ("resnet50", "vit_b", "phantom_resnet18_long_named") for m in
             ("random", "imagenet", "lvmmed", "simclr", "deepclusterv2")]  # fmt: skip
    return (HOSTILE + plain)[:number]


def scored(names: list[str]) -> pd.DataFrame:
    means = np.random.default_rng(0).uniform(0.2, 0.9, len(names))
    return pd.DataFrame(
        {"backbone": names, "mean": means, "low": means - 0.05, "high": means + 0.08}
    )


def texts(figure: Figure) -> Iterator[Text]:
    """Every text that shows, but the mark of phantoms, which lies behind all else."""
    beyond = set()
    for axis in [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low <= tick.get_loc() <= high:
                beyond |= {tick.label1, tick.label2}
    for text in figure.findobj(Text):
        shows = text.get_visible() and text.get_text().strip() and text not in beyond
        if shows and text.get_text() != "PHANTOM":
            yield text


def every_figure(number: int) -> dict[str, Figure]:
    """Every figure over backbones, for so many of them, with title and note."""
    names, rng = backbones(number), np.random.default_rng(1)
    styles = assign_looks(names)
    frame = scored(names)
    fractions = pd.concat([frame.assign(label_fraction=f) for f in (0.01, 0.015, 0.1, 0.5, 1.0)])
    shares = pd.DataFrame(rng.dirichlet(np.ones(number), number), names, range(1, number + 1))
    values = rng.uniform(size=(7, number))
    steps = pd.Index(range(10, 2000, 10))
    drawn = {
        "bars": draw_bars(frame, "dice", styles),
        "boxes": draw_boxes({n: rng.uniform(size=30) for n in names}, "iou", styles),
        "labels": draw_label_efficiency(fractions, "accuracy", styles),
        "ranks": draw_rank_stability(shares, styles),
        "profiles": draw_profiles({n: rng.normal(0.5, 0.3, (3, 7)) for n in names}, styles),
        "cost": draw_cost(
            pd.DataFrame(
                {"score": frame["mean"].to_numpy(), "parameters, million": rng.uniform(1, 300, number),
                 "training, CPU hours": rng.uniform(0.001, 0.002, number)}, names,
            ), styles,
        ),
        "pretraining": draw_pretraining(
            {n: pd.DataFrame({k: rng.uniform(size=len(steps)) for k in PANELS}, steps)
             for n in names}, styles,
        ),
    }  # fmt: skip
    if number > 2:
        drawn["critical difference"] = draw_critical_difference(
            pd.Series(ranks(values).mean(0), names),
            pd.DataFrame(nemenyi(values), names, names),
            critical(number, 7),
            styles,
        )
    return {
        kind: finish_figure(figure, f"{kind} of {HOSTILE[0]} (finetune)", NOTE, phantom=True)
        for kind, figure in drawn.items()
    }


@pytest.mark.parametrize("number", [2, 5, 20])
def test_no_text_is_cut_or_lies_on_another(number: int) -> None:
    for kind, figure in every_figure(number).items():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        frame = figure.bbox.padded(1)
        extents = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
        assert len(extents) > 4
        for words, box in extents:
            assert frame.x0 <= box.x0 and box.x1 <= frame.x1, (kind, words)
            assert frame.y0 <= box.y0 and box.y1 <= frame.y1, (kind, words)
        for (words, box), (others, other) in itertools.combinations(extents, 2):
            assert not box.padded(-0.5).overlaps(other.padded(-0.5)), (kind, words, others)


def test_names_are_letters_and_nothing_else() -> None:
    names = backbones(6)
    for kind, figure in every_figure(6).items():
        for text in texts(figure):
            assert not text.get_parse_math(), (kind, text.get_text())
        shown = "\n".join(text.get_text() for text in texts(figure))
        for name in ("<script>alert(1)</script>", "$x_1$", r"\frac{1}{2}", "&amp;"):
            assert name in shown, (kind, name)
        assert short_names(names)["a" * 200] in shown
        root = ET.fromstring(render_figure(figure, "svg"))
        assert not [node for node in root.iter() if node.tag.lower().endswith("script")]


def test_the_same_data_gives_the_same_bytes_whatever_the_user_s_style() -> None:
    first = {
        (kind, form): render_figure(figure, form)
        for kind, figure in every_figure(4).items()
        for form in ("svg", "png")
    }
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.facecolor": "red"}):
        for kind, figure in every_figure(4).items():
            for form in ("svg", "png"):
                assert render_figure(figure, form) == first[kind, form], (kind, form)
    assert all(b"<dc:date>" not in first[kind, "svg"] for kind, _ in first)


def test_phantoms_are_marked_and_others_are_not() -> None:
    frame = scored(backbones(3))
    for phantom in (True, False):
        figure = finish_figure(
            draw_bars(frame, "dice", assign_looks(frame["backbone"])), "drive", NOTE, phantom
        )
        said = [text.get_text() for text in figure.findobj(Text)]
        assert ("PHANTOM" in said) == phantom
        assert ("Phantom: drive" in said) == phantom
        assert any("profile small" in words.replace("\n", " ") for words in said)


@given(st.lists(st.text(max_size=60), unique=True, max_size=40))
def test_short_names_differ_as_the_names_do(names: list[str]) -> None:
    short = short_names(names)
    assert list(short) == names
    assert len(set(short.values())) == len(names)
    assert all(len(name) <= LONGEST for name in short.values())
    assert all(name == cut for name, cut in short.items() if len(name) <= LONGEST)


def test_long_names_that_would_be_cut_alike_are_numbered() -> None:
    alike = ["x" * 40, "x" * 50, "x" * 60]
    assert len(set(short_names(alike).values())) == 3


def test_looks_differ_in_black_and_white_too() -> None:
    styles = assign_looks(f"b{n:02}" for n in range(20))
    assert len({(one.colour, one.marker) for one in styles.values()}) == 20
    assert len({(one.colour, one.line) for one in styles.values()}) == 20
    assert len({one.marker for one in list(styles.values())[:11]}) == 11
    assert len({one.hatch for one in list(styles.values())[:11]}) == 11
    assert assign_looks(reversed([f"b{n:02}" for n in range(20)])) == styles


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=120))
def test_titles_fit_their_width(text: str) -> None:
    for line in wrap_text(text, 2.0, 8.5, "bold").split("\n"):
        assert text_width(line, 8.5, "bold") <= 2.0 or len(line) <= 1


def test_bars_are_the_means_and_whiskers_the_intervals() -> None:
    frame = pd.DataFrame(
        [("a", 0.5, 0.4, 0.7), ("b", 0.9, 0.85, 0.91), ("c", 0.25, np.nan, np.nan)],
        columns=["backbone", "mean", "low", "high"],
    )
    axes = draw_bars(frame, "dice", assign_looks("abc")).axes[0]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([50, 90, 25])
    assert [patch.get_x() for patch in axes.patches] == [0, 0, 0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    (whiskers,) = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    ends = [segment[:, 0].tolist() for segment in whiskers.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[40, 70], [85, 91], [25, 25]])
    assert [text.get_text() for text in axes.texts] == ["50.0", "90.0", "25.0"]
    assert axes.get_xlabel() == "Dice, percent"
    assert axes.get_xlim()[0] == 0


def test_boxes_are_the_quartiles_of_the_defined_scores() -> None:
    rng = np.random.default_rng(3)
    scores = {"a": rng.uniform(size=31), "b": rng.uniform(size=50), "c": np.array([0.5, np.nan])}
    axes = draw_boxes(scores, "dice", assign_looks(scores)).axes[0]
    defined = {name: 100 * values[np.isfinite(values)] for name, values in scores.items()}
    order = sorted(defined, key=lambda name: -np.median(defined[name]))
    assert [label.get_text() for label in axes.get_yticklabels()] == order
    for name, patch in zip(order, axes.patches, strict=True):
        corners = patch.get_path().vertices[:, 0]
        np.testing.assert_allclose(
            [corners.min(), corners.max()], np.percentile(defined[name], [25, 75])
        )
    points = [line for line in axes.lines if line.get_marker() == "o"]
    for name, line in zip(order, points, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), defined[name])
    with pytest.raises(ValueError, match="d has no case with a score"):
        draw_boxes({"d": np.array([np.nan])}, "dice", assign_looks("d"))


def test_of_many_cases_only_boxes_and_outliers_are_drawn() -> None:
    scores = {"a": np.random.default_rng(0).uniform(size=MOST_POINTS + 1)}
    axes = draw_boxes(scores, "dice", assign_looks(scores)).axes[0]
    assert max(len(line.get_xdata()) for line in axes.lines) < 10


def test_label_efficiency_draws_each_share() -> None:
    frame = pd.DataFrame(
        [("a", 1.0, 0.8, 0.7, 0.85), ("a", 0.1, 0.5, 0.45, 0.6), ("a", 0.01, 0.2, np.nan, np.nan),
         ("b", 0.1, 0.6, 0.5, 0.7), ("b", 1.0, 0.9, 0.8, 0.95)],
        columns=["backbone", "label_fraction", "mean", "low", "high"],
    )  # fmt: skip
    axes = draw_label_efficiency(frame, "dice", assign_looks("ab")).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["b", "a"]
    drawn = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    expected = {"b": ([0.1, 1], [60, 90]), "a": ([0.01, 0.1, 1], [20, 50, 80])}
    for (shares, means), container in zip(expected.values(), drawn, strict=True):
        drawn_shares, drawn_means = container.lines[0].get_xydata().T
        np.testing.assert_allclose(drawn_shares, shares, rtol=0.06)
        np.testing.assert_allclose(drawn_means, means)
    ends = [segment[:, 1].tolist() for segment in drawn[1].lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[20, 20], [45, 60], [70, 85]])
    assert axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="two label fractions"):
        draw_label_efficiency(frame[frame["label_fraction"] == 1], "dice", assign_looks("ab"))


@given(st.sets(st.integers(1, 1000).map(lambda n: n / 1000), min_size=1, max_size=20))
def test_labels_of_shares_keep_apart(shares: set[float]) -> None:
    ascending = sorted(shares)
    labels = labels_apart(ascending)
    shown = [np.log10(s) for s, label in zip(ascending, labels, strict=True) if label]
    assert labels[-1]
    assert all(b - a >= APART for a, b in itertools.pairwise(shown))


def test_the_heat_map_has_the_shares() -> None:
    shares = pd.DataFrame(
        [[0.75, 0.25, 0], [0.25, 0.5, 0.25], [0, 0.25, 0.75]], list("bca"), [1, 2, 3]
    )
    axes = draw_rank_stability(shares, assign_looks("abc")).axes[0]
    (mesh,) = [one for one in axes.collections if isinstance(one, QuadMesh)]
    np.testing.assert_array_equal(np.ma.filled(mesh.get_array(), 0).reshape(3, 3), shares)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a"]
    written = {(*text.get_position(),): text.get_text() for text in axes.texts}
    assert written == {
        (column, row): f"{100 * shares.iloc[row, column]:.0f}"
        for row in range(3)
        for column in range(3)
        if shares.iloc[row, column]
    }


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 9), st.integers(5, 12), st.integers(0, 10**6))
def test_the_critical_difference_joins_what_does_not_differ(
    cliques, number: int, tasks: int, seed: int
) -> None:
    """The bars are the cliques that the mean ranks give by themselves."""
    values = np.random.default_rng(seed).normal(np.arange(number) / 2, 1, (tasks, number))
    names = [f"b{n}" for n in range(number)]
    mean_ranks = pd.Series(ranks(values).mean(0), names)
    width = critical(number, tasks)
    figure = draw_critical_difference(
        mean_ranks, pd.DataFrame(nemenyi(values), names, names), width, assign_looks(names)
    )
    axes = figure.axes[0]
    bars_ = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 1.8]
    joined = cliques(mean_ranks.to_numpy(), width)
    expected = sorted((mean_ranks.iloc[c].min(), mean_ranks.iloc[c].max()) for c in joined)
    np.testing.assert_allclose(
        sorted((min(x), max(x)) for x in bars_), expected or np.empty((0, 2))
    )
    (ruler,) = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    (ends,) = ruler.lines[2][0].get_segments()
    np.testing.assert_allclose(ends[:, 0], [1, 1 + width])
    shown = " ".join(text.get_text() for text in axes.texts)
    assert all(name in shown and f"{rank:.2f}" in shown for name, rank in mean_ranks.items())


def test_two_backbones_have_no_critical_difference() -> None:
    with pytest.raises(ValueError, match="needs three"):
        draw_critical_difference(
            pd.Series([1.0, 2.0], list("ab")), pd.DataFrame(), 1.0, assign_looks("ab")
        )


points = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12)


@given(points)
def test_the_front_is_what_nothing_beats(some: list[tuple[int, int]]) -> None:
    found = pareto(*np.array(some, dtype=float).T)
    for (price, value), on_front in zip(some, found, strict=True):
        beaten = any(p <= price and v >= value and (p, v) != (price, value) for p, v in some)
        assert on_front == (not beaten)


def test_cost_draws_each_backbone_at_its_place() -> None:
    costs = pd.DataFrame(
        {"score": [0.9, 0.5, 0.7], "parameters": [30, 10, 40], "hours": [np.nan, 2.0, 1.0]},
        list("abc"),
    )
    figure = draw_cost(costs, assign_looks("abc"))
    for axes, name in zip(figure.axes, ("parameters", "hours"), strict=True):
        marks = [line for line in axes.lines if line.get_marker() not in (None, "None", "")]
        drawn = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in marks)
        known = costs.dropna(subset=[name])
        np.testing.assert_allclose(
            drawn, sorted(zip(known[name], 100 * known["score"], strict=True))
        )
    front = figure.axes[0].lines[0]
    np.testing.assert_allclose(front.get_xydata(), [[10, 50], [30, 90]])
    assert figure.axes[0].get_ylabel() == "mean normalised score"
    with pytest.raises(ValueError, match="two"):
        draw_cost(costs.iloc[:1], assign_looks("a"))
    with pytest.raises(ValueError, match="neither parameters nor hours"):
        draw_cost(costs[["score"]], assign_looks("abc"))


def test_profiles_are_the_shares_of_runs_above() -> None:
    rng = np.random.default_rng(0)
    runs = {name: rng.normal(mean, 0.3, (3, 5)) for name, mean in (("a", 0.2), ("b", 0.8))}
    means, profile = draw_profiles(runs, assign_looks(runs)).axes
    assert [text.get_text() for text in means.get_yticklabels()] == ["b", "a"]
    for name, line in zip("ba", profile.lines, strict=True):
        x, y = line.get_xydata().T
        for threshold in rng.uniform(-0.5, 1.5, 40):
            drawn = y[np.searchsorted(x, threshold, side="right") - 1] if threshold >= x[0] else 100
            assert drawn == pytest.approx(100 * (runs[name] > threshold).mean())


def test_interquartile_means_stand_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    runs = {name: rng.normal(mean, 0.3, (3, 5)) for name, mean in (("a", 0.2), ("b", 0.8))}
    means, _ = draw_profiles(runs, assign_looks(runs)).axes
    for row, name in enumerate("ba"):
        interval, dot = means.lines[2 * row : 2 * row + 2]
        middle = np.sort(runs[name].ravel())[3:-3]  # a quarter of 15, rounded down, at either end
        assert dot.get_xydata()[0] == pytest.approx([middle.mean(), row])
        (low, _), (high, _) = interval.get_xydata()
        found = stratified_interval(interquartile_mean, runs[name])
        assert (low, high) == (found.low, found.high)
        assert low < middle.mean() < high


def test_curves_are_drawn_as_logged() -> None:
    steps = pd.Index(range(0, 1000, 10))
    long = pd.Series(np.sin(steps.to_numpy() / 90), steps)
    curves = {
        "one": pd.DataFrame({"loss": long, "lr": 0.1}),
        "two": pd.DataFrame(
            {"loss": [3.0, np.nan, 1.0], "accuracy": [0.1, 0.2, np.inf]}, [0, 5, 9]
        ),
    }
    figure = draw_pretraining(curves, assign_looks(curves))
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        PANELS["loss"], PANELS["accuracy"],
    ]  # fmt: skip
    thin, smooth, short = figure.axes[0].lines
    np.testing.assert_array_equal(thin.get_xydata(), np.column_stack([steps, long]))
    window = len(long) // WINDOWS
    middle = np.median(long.to_numpy()[49 : 49 + window])
    assert middle in smooth.get_ydata()
    np.testing.assert_array_equal(short.get_xydata(), [[0, 3], [9, 1]])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_xydata(), [[0, 0.1], [5, 0.2]])
    with pytest.raises(ValueError, match="at two steps"):
        draw_pretraining({"one": pd.DataFrame({"lr": [1, 2]})}, assign_looks(["one"]))


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=3),
    st.lists(st.text(min_size=1), min_size=1, max_size=3),
)
def test_names_of_files_stay_in_their_folder_and_apart(a: list[str], b: list[str]) -> None:
    for words in (a, b):
        name = file_name(*words)
        assert name and len(name) < 100 and not name.startswith(".") and "/" not in name
    if "-".join(a) != "-".join(b):
        assert file_name(*a) != file_name(*b)


def test_files_appear_whole(tmp_path) -> None:
    frame = scored(backbones(2))
    figure = draw_bars(frame, "dice", assign_looks(frame["backbone"]))
    files = save_figure(figure, tmp_path / "new" / "bars-v1.2")
    assert [path.name for path in files] == ["bars-v1.2.svg", "bars-v1.2.png"]
    assert set(tmp_path.rglob("*.*")) == set(files)
    assert files[1].read_bytes().startswith(b"\x89PNG")
