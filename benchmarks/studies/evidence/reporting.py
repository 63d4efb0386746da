"""Tables and a figure of the study, made from the files of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.studies.evidence import correlations
from benchmarks.studies.evidence.correlations import MEASURES
from benchmarks.studies.evidence.methods import (
    ALL,
    EPOCHS,
    METHODS,
    PAIRS,
    PAIRS_OF_VARIANTS,
    RATE,
    VARIANTS,
)
from benchmarks.studies.evidence.probe_sets import FINAL, SEARCH
from benchmarks.studies.evidence.results import Result, read_results
from reports.reading.scores import Scores, stratified_means
from reports.render.figures.style import EDGE, PALETTE, THEME, WIDE, save_figure, theme
from reports.render.files import write_texts
from reports.statistics.family import over_tasks
from reports.statistics.intervals import mean_interval
from reports.statistics.pairs import compare_pairs, pooled_variance
from reports.statistics.planning import MOST_SEEDS, more_seeds
from reports.statistics.ranks import ranks
from reports.statistics.significance import Level

WITH_VARIANTS = {"lvmmed", *VARIANTS}
RATES_SHOWN = (0.001, 0.003, 0.01)
PANELS = 4  # of the search, side by side
SEEDS_SHOWN = (2, 3, 5, 10, 20)
SHOWN = {**MEASURES, "time": ("step, s", 1, 2)}


def report(*, results: Path, out: Path) -> list[Path]:
    """Write the tables and the figure of the study: `python -m benchmarks.studies.evidence report`.

    Parameters
    ----------
    results : Path
        Folder of the results of `search` and `final`.
    out : Path
        Folder for tables.md, and for search.svg, final-STEPS.svg and graphs-STEPS.svg, as far as there are results.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileNotFoundError
        If there is no result.
    Refused
        If a file is no result.
    """
    found = read_results(results)
    if not found:
        raise FileNotFoundError(
            f"{results} holds no result: run `python -m benchmarks.studies.evidence search` first"
        )
    searched = [result for result in found if result.part == SEARCH]
    finals = [r for r in found if r.part == FINAL and r.method in METHODS]
    variants = [r for r in found if r.method in VARIANTS]
    groups = {  # by the name of the figure
        f"final-{n}": (f"Final rows, {n:,} steps", [r for r in finals if r.steps in (0, n)], PAIRS)
        for n in _steps(finals)
    }
    for n in _steps(variants):
        runs = [r for r in (*finals, *variants) if r.steps == n and r.method in WITH_VARIANTS]
        title = f"Other graphs for LVM-Med, {n:,} steps"
        groups[f"graphs-{n}"] = (title, runs, PAIRS_OF_VARIANTS)
    texts = [_search_table(searched), *(_final_tables(*group) for group in groups.values())]
    for n in _steps(finals):
        runs = [r for r in (*finals, *variants) if r.steps == n]
        title = f"What goes with a better score, {n:,} steps"
        texts.append(correlations.between_methods(title, runs))
    for n in _steps(searched):
        rung = [r for r in searched if r.steps == n]
        title = f"What goes with a better score within a search, {n:,} steps"
        texts.append(correlations.within_searches(title, rung))
    files = write_texts(out, {"tables.md": "\n\n".join(filter(None, texts)) + "\n"})
    if searched:
        files += save_figure(_draw_search(searched), out / "search")
    for name, (_, runs, _) in groups.items():
        files += save_figure(_draw_finals(by_method(runs)), out / name)
    return files


def by_method(finals: Sequence[Result]) -> list[Scores]:
    """Return the scores of each method on all judged images together, in the order of ALL.

    The data sets are the strata, so that each counts alike in a mean. The score of an image is the mean over its
    probes.
    """
    found = []
    for method in ALL:
        runs = sorted((r for r in finals if r.method == method), key=lambda r: r.seed)
        if not runs:
            continue
        sets = sorted(runs[0].by_set)
        cells = [[_of_cases(run, name) for name in sets] for run in runs]
        sizes = [len(scores) for scores in cells[0]]
        values = np.array([np.concatenate(row) for row in cells])
        strata = np.repeat(np.arange(len(sets)), sizes)
        found.append(
            Scores(
                backbone=method,
                task="all data sets",
                protocol="",
                metric="score",
                seeds=tuple(run.seed for run in runs),
                cases=tuple(
                    f"{name}/{number:04}"
                    for name, size in zip(sets, sizes, strict=True)
                    for number in range(size)
                ),
                strata=strata,
                values=values,
                headlines=stratified_means(values, strata),
            )
        )
    return found


def _of_cases(run: Result, name: str) -> np.ndarray:
    """The score of each case of a data set, the mean over its probes."""
    probes = [values for key, values in run.scores.items() if key.startswith(f"{name}/")]
    return np.mean(probes, axis=0)


def _search_table(searched: Sequence[Result]) -> str:
    if not searched:
        return ""
    lines = [
        "## The search\n",
        "Score on the search parts, in percent; seed 0. The best of a rung is bold.\n",
    ]
    steps = _steps(searched)
    titles = ["method", "setting", *(f"{number:,} steps" for number in steps)]
    lines += [f"| {' | '.join(titles)} |", "|---|---|" + "---:|" * len(steps)]
    for method in METHODS:
        own = {(r.setting, r.steps): r for r in searched if r.method == method}
        best = [max((r.score for r in own.values() if r.steps == n), default=0) for n in steps]
        for setting in sorted({setting for setting, _ in own}):
            runs = [own.get((setting, n)) for n in steps]
            first = next((run for run in runs if run), None)
            if first:
                cells = [_marked(run, most) for run, most in zip(runs, best, strict=True)]
                lines.append(f"| {method} | {_words(first)} | {' | '.join(cells)} |")
    lines += [f"\nUntrained: {100 * r.score:.1f}." for r in searched if not r.steps]
    return "\n".join(lines)


def _marked(run: Result | None, best: float) -> str:
    if run is None:
        return ""
    text = f"{100 * run.score:.1f}"
    return f"**{text}**" if run.score == best else text


def _steps(results: Sequence[Result]) -> list[int]:
    return sorted({result.steps for result in results if result.steps})


def _words(result: Result) -> str:
    """A setting in words; places that share a value are named once."""
    short: dict[str, object] = {}
    for name, value in result.changes.items():
        short.setdefault(str(value), f"{name.rpartition('.')[2].rstrip('_')} {value:g}")
    return ", ".join(map(str, short.values()))


def _final_tables(title: str, results: Sequence[Result], planned: Sequence[tuple[str, str]]) -> str:
    finals = by_method(results)
    runs = {s.backbone: [r for r in results if r.method == s.backbone] for s in finals}
    sets = sorted(runs[finals[0].backbone][0].by_set)
    means = np.array(
        [[np.mean([r.by_set[name] for r in runs[s.backbone]]) for s in finals] for name in sets]
    )
    mean_ranks = ranks(means).mean(0)
    intervals = rank_intervals(finals)
    lines = [
        f"## {title}\n",
        "In percent. Score: mean with the 95 % interval over seeds and cases. Mean rank: with the same. Of each "
        "data set: mean ± sample deviation over the seeds.\n",
    ]
    titles = [
        "method",
        "setting",
        "seeds",
        "score",
        "mean rank",
        *sets,
        *(t for t, _, _ in SHOWN.values()),
    ]
    lines.append(f"| {' | '.join(titles)} |")
    lines.append("|---|---|" + "---:|" * (len(titles) - 2))
    for scores, rank, (least, most) in zip(finals, mean_ranks, intervals, strict=True):
        own = runs[scores.backbone]
        interval = mean_interval(scores)
        score = f"{100 * scores.headlines.mean():.1f}"
        if interval:
            score += f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
        cells = [
            scores.backbone,
            _words(own[0]),
            str(len(own)),
            score,
            f"{rank:.1f} ({least:.1f} to {most:.1f})",
        ]
        cells += [_cell([r.by_set[name] for r in own], 100, 1) for name in sets]
        cells += [
            _cell([r.measures[key] for r in own if key in r.measures], factor, digits)
            for key, (_, factor, digits) in SHOWN.items()
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n\n".join(
        part
        for part in ("\n".join(lines), _verdicts(title, finals, planned), _resolution(finals))
        if part
    )


def rank_intervals(finals: Sequence[Scores], draws: int = 1000) -> list[tuple[float, float]]:
    """Return the central 95 % of each method's mean rank when its seeds, and all cases of a set, are drawn again."""
    rng = np.random.default_rng(0)
    strata = finals[0].strata
    places = [np.flatnonzero(strata == number) for number in np.unique(strata)]
    found = []
    for _ in range(draws):
        runs = [s.values[rng.integers(len(s.seeds), size=len(s.seeds))].mean(0) for s in finals]
        cases = [own[rng.integers(len(own), size=len(own))] for own in places]
        found.append(ranks(np.array([[run[own].mean() for run in runs] for own in cases])).mean(0))
    low, high = np.quantile(found, (0.025, 0.975), axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _cell(values: Sequence[float], factor: float, digits: int) -> str:
    """A mean, with its deviation where there are several seeds."""
    if not values:
        return ""
    shown = pd.Series(values) * factor
    spread = f" ± {shown.std():.{digits}f}" if len(shown) > 1 else ""
    return f"{shown.mean():.{digits}f}{spread}"


def _verdicts(title: str, finals: Sequence[Scores], planned: Sequence[tuple[str, str]]) -> str:
    """The planned comparisons, as far as both are there."""
    names = [s.backbone for s in finals]
    chosen = [(names.index(a), names.index(b)) for a, b in planned if a in names and b in names]
    if not chosen:
        return ""
    pairs = compare_pairs(finals, chosen)
    found = over_tasks(pairs)
    lines = [
        f"### Planned comparisons: {title[0].lower()}{title[1:]}\n",
        "Differences of the scores in percentage points; p is corrected for the rows of this table (Holm).\n",
        "| A | B | A - B | 95 % interval | p | seeds to settle |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for n, (a, b) in enumerate(chosen):
        low, high, p, seeds = (x[n] for x in (found.low, found.high, found.adjusted, found.seeds))
        lines.append(
            f"| {names[a]} | {names[b]} | {100 * pairs.difference[n]:+.1f} | {100 * low:+.1f} to {100 * high:+.1f} | "
            f"{'' if np.isnan(p) else f'{p:.2g}'} | {_number(seeds)} |"
        )
    return "\n".join(lines)


def _number(seeds: float) -> str:
    """The seeds that would settle an open difference; nothing where it is settled."""
    if np.isnan(seeds):
        return ""
    if np.isinf(seeds):
        return "no number would"
    return f"{seeds:.0f}" if seeds <= MOST_SEEDS else f"more than {MOST_SEEDS}"


def _resolution(finals: Sequence[Scores]) -> str:
    """How far two runs of one method lie apart, and which differences some numbers of seeds find."""
    trained = [s for s in finals if ALL[s.backbone].config and len(s.seeds) > 1]
    if len(trained) < 2:
        return ""
    by_run = pooled_variance([s.headlines for s in trained])
    pairs = compare_pairs(trained)
    by_case = float(np.mean(pairs.by_case))
    differences = np.arange(1, 200) / 1000
    full = partial(np.full, differences.shape)
    needed = more_seeds(
        differences,
        full(by_run),
        full(float(sum(len(s.seeds) - 1 for s in trained))),
        Level(full(by_case), full(float(np.mean(pairs.case_freedom)))),
        full(2.0),
    )
    found = [
        f"{100 * differences[needed <= number].min():.1f} with {number}"
        for number in SEEDS_SHOWN
        if (needed <= number).any()
    ]
    return (
        f"The spread of a score with the pretraining seed, pooled over {len(trained)} methods: "
        f"{100 * np.sqrt(by_run):.2f} points, so the difference of two runs of one method has a standard error of "
        f"{100 * np.sqrt(2 * by_run):.2f} points. The cases add {100 * np.sqrt(by_case):.2f} points to the standard "
        "error of a difference, for any number of seeds. The least difference in points that is found with a chance of "
        f"80 %, by the number of seeds of each method: {', '.join(found)}.\n"
    )


@theme(THEME)
def _draw_search(searched: Sequence[Result]) -> Figure:
    """Draw the score of each setting against its learning rate, a panel for each method, a colour for each rung."""
    methods = [name for name in METHODS if any(r.method == name and r.steps for r in searched)]
    rows = -(-len(methods) // PANELS)
    figure = Figure((WIDE, 0.3 + 1.6 * rows), layout="constrained")
    panels = figure.subplots(rows, min(PANELS, len(methods)), sharey=True, squeeze=False).ravel()
    for unused in panels[len(methods) :]:
        unused.remove()
    for axes, name in zip(panels, methods, strict=False):
        for epochs, color, marker in zip(EPOCHS, PALETTE, "os^", strict=False):
            runs = [r for r in searched if r.method == name and r.epochs == epochs and r.steps]
            axes.plot(
                [r.changes[RATE] for r in runs],
                [100 * r.score for r in runs],
                linestyle="",
                marker=marker,
                markersize=3.5,
                color=color,
                label=f"{runs[0].steps:,} steps" if runs else None,
            )
        untrained = [100 * r.score for r in searched if not r.steps]
        if untrained:
            axes.axhline(untrained[0], color=EDGE, linewidth=0.7, linestyle=(0, (3, 2)))
            axes.annotate("untrained", (0, untrained[0]), xycoords=("axes fraction", "data"), va="top",
                          xytext=(2, -2), textcoords="offset points", fontsize=6)  # fmt: skip
        axes.margins(y=0.12)  # room for that word
        axes.set_xscale("log")
        axes.set_xticks(RATES_SHOWN, [f"{rate:g}" for rate in RATES_SHOWN])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_title(name, loc="left")
        axes.set_xlabel("learning rate")
    figure.supylabel("score on the search parts, %", fontsize="medium")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@theme(THEME)
def _draw_finals(finals: Sequence[Scores]) -> Figure:
    """Draw the score of each method with its interval, and a dot for each seed."""
    figure = Figure((WIDE, 0.8 + 0.22 * len(finals)), layout="constrained")
    axes = figure.subplots()
    for row, scores in enumerate(finals):
        interval = mean_interval(scores)
        if interval:
            axes.plot(
                [100 * interval.low, 100 * interval.high],
                [row, row],
                color=PALETTE[0],
                linewidth=1.5,
            )
        axes.plot(
            100 * scores.headlines,
            [row] * len(scores.seeds),
            "o",
            color=PALETTE[0],
            markersize=3.5,
            alpha=0.6,
        )
        axes.plot([100 * scores.headlines.mean()], [row], "|", color=EDGE, markersize=10)
    axes.set_yticks(range(len(finals)), [s.backbone for s in finals])
    axes.set_ylim(len(finals) - 0.5, -0.5)
    axes.set_xlabel(
        "score on the final parts, %: mean over seven data sets, 95 % interval over seeds and cases"
    )
    return figure
