"""`python -m benchmarks.studies.matching`: measure the solver and its peers, write the tables and figure of the docs.

Takes about 5 minutes on 2 cores. The machine must be quiet, and the package's extra `performance` installed.

`construction` measures instead what the construction of the graphs does to matching and gradient: 10 minutes on one
core, which may be busy, since no time is measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.studies.matching import measure
from benchmarks.studies.matching.construction import construction
from lvmmed_backbones.files.writing import write_text
from lvmmed_backbones.provenance import machine
from lvmmed_backbones.revision import ROOT, git_revision
from lvmmed_backbones.stopping import stop_quietly

HERE = "python -m benchmarks.studies.matching"
BEGIN, END = {"solver": HERE, "construction": f"{HERE} construction"}, "<!-- end of measured -->"


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--page", type=Path, default=ROOT / "docs" / "graph_matching.md", help="default: docs/"
    )
    parser.add_argument("what", nargs="?", choices=BEGIN, default="solver", help="default: solver")
    arguments = parser.parse_args()
    page: Path = arguments.page
    begin = f"<!-- measured: {BEGIN[arguments.what]} -->"
    before, _, rest = page.read_text().partition(begin)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} has no lines '{begin}' and '{END}': the tables go between them")
    text = _measure_solver(page) if arguments.what == "solver" else _measure_construction()
    write_text(page, f"{before}{begin}\n\n{text}\n{END}{after}")
    print(text)
    return 0


def _measure_solver(page: Path) -> str:
    """Measure the solver and its peers, draw the figure beside the page, and return the tables in Markdown."""
    tables = {}
    steps = ("presets", "peers", "proven", "exact", "threads", "growth")
    for number, name in enumerate(steps, start=1):
        start = time.monotonic()
        print(f"[{number}/{len(steps)}] {name} ...", end=" ", file=sys.stderr, flush=True)
        tables[name] = getattr(measure, name)()
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    figure = page.with_name(page.stem + "_growth.svg")
    _draw_growth(tables["growth"], figure)
    return _render(tables, figure.name)


def _measure_construction() -> str:
    """Measure what graph construction does, and return the tables in Markdown: means ± sample standard deviations."""
    table = construction()
    table["accuracy"] *= 100
    groups = table.groupby(["noise", "graph", "weight"], sort=False)
    mean, spread = groups.mean(), groups.std()
    known = groups.count() == groups.count().max()  # not where a draw has no gradient
    digits = {"accuracy": 0, "size": 2, "first_order": 2, "alignment": 2, "draws": 2}
    cells = pd.DataFrame(
        {
            name: [
                f"{m:.{d}f} ± {s:.{d}f}" if k else ""
                for m, s, k in zip(mean[name], spread[name], known[name], strict=True)
            ]
            for name, d in digits.items()
        },
        index=mean.index,
    )
    cells.insert(0, "edges", mean["edges"].round().astype(int))
    half = cells[cells.index.get_level_values("weight").isin([0, 0.5])].reset_index()
    accuracies = cells["accuracy"].unstack("noise").reset_index()
    accuracies.columns = [str(name) if name in ("graph", "weight") else f"noise {name}"
                          for name in accuracies.columns]  # fmt: skip
    return f"""Mean ± sample standard deviation of {table["seed"].nunique()} draws of the vectors, of 16 samples \
of the noise each.

**Matched to itself**, in percent.

{_markdown(accuracies, {})}

**The gradient**, at edge weights of 0.5 (linear: 0). Size: relative to that of linear assignment without noise. \
Cosines: with the gradient of linear assignment under the same noise; with that of the mean distance 1 - cosine of \
right matches; with that of another draw of the noise. Empty where in some draw all images are matched rightly, which \
gives no gradient.

{_markdown(half.drop(columns="weight"), {})}
"""


def _render(tables: dict[str, pd.DataFrame], figure: str) -> str:
    """Return the measured part of the page, in Markdown."""
    computer = machine()
    proven = _markdown(tables["proven"], {"above %": 3, "found": 2, "optimum": 2, "s": 1})
    exact = _markdown(tables["exact"], {"median ms": 1, "most ms": 1})
    digits = {"1 thread, s": 3, "2 threads, s": 3, "times as fast": 2}
    threads = _markdown(tables["threads"], digits)
    growth = tables["growth"].drop(columns="objective")
    return f"""Measured on one of {computer["cores"]} cores of an {computer["cpu"]}, Python \
{sys.version.split()[0]}, commit {(git_revision() or "unknown")[:12]}.

**Pretraining problems**, k = 5: objective relative to the best known, the median over 3 instances and 5 seeds of the \
solver (least of the 15), and the median time of one.

{_by_level(tables["presets"])}

**Peers**, N = 64, k = 5: the same instances and seeds in the same run; building their models is not counted.

{_by_level(tables["peers"])}

**Proven optima**: costs found by `best` with 40 restarts, the best of 4 seeds; seconds for all four.

{proven}

**Exact search**, edges of both graphs by k nearest neighbours (k = N - 1: complete), 10 instances.

{exact}

**A batch of 32** (N = 64, `default`).

{threads}

**Growth**, by edge features, k = 5, medium: one thread.

![Time against N]({figure})

{_markdown(growth, {"ms": 1, "MB of the solver": 0})}
"""


def _by_level(table: pd.DataFrame) -> str:
    """Return a table in Markdown: a row for each solver, a column for each level."""
    median, least = table["median"], table["least"]
    table = table.assign(cell=[f"{m:.4f} ({x:.3f})" for m, x in zip(median, least, strict=True)])
    index = [name for name in ("N", "preset", "solver") if name in table]
    cells = table.pivot(index=index, columns="level", values="cell")
    cells = cells[[level for level in measure.LEVELS if level in cells]].fillna("")
    cells["ms"] = table.groupby(index)["ms"].median().map(lambda ms: f"{ms:.3g}")
    order = table[index].drop_duplicates()
    return _markdown(order.merge(cells.reset_index(), on=index), {})


def _markdown(table: pd.DataFrame, digits: dict[str, int]) -> str:
    """Return a table in Markdown; `digits` tells how many digits a column has after the point."""
    numeric = [pd.api.types.is_numeric_dtype(t) for t in table.dtypes]
    rows = [list(table.columns), ["---:" if x else "---" for x in numeric]]
    for record in table.to_dict("records"):
        rows.append([f"{x:,.{digits[k]}f}" if k in digits else str(x) for k, x in record.items()])
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _draw_growth(table: pd.DataFrame, file: Path) -> None:
    """Draw time against N on logarithmic axes, a line for each preset."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 3.4), layout="constrained")
    axes = figure.subplots()
    for (preset, rows), colour in zip(
        table.groupby("preset", sort=False), ("#0072B2", "#D55E00"), strict=True
    ):
        axes.plot(rows["N"], rows["ms"], marker="o", color=colour, label=preset)
        last = rows.iloc[-1]
        axes.annotate(
            f"{last['ms']:.0f} ms",
            (last["N"], last["ms"]),
            (4, -3),
            textcoords="offset points",
            fontsize=8,
        )
    sizes = sorted(set(table["N"]))
    axes.set(
        xscale="log", yscale="log", xlabel="vertices N of each graph (k = 5)", ylabel="time, ms"
    )
    axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 2.2)  # room for the labels
    axes.set_xticks(sizes, [str(n) for n in sizes])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.margins(x=0.12)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    stop_quietly("Start it again: it measures anew.")
    sys.exit(main())
