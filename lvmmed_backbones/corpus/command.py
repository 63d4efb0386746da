"""Build, audit and list: corpora of unlabelled images."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lvmmed_backbones.corpus import auditing, building, state
from lvmmed_backbones.corpus.facts import data_sets
from lvmmed_backbones.corpus.manifest import Options, read_summary
from lvmmed_backbones.corpus.reading import SMALLEST
from lvmmed_backbones.display import csv_cell
from lvmmed_backbones.writing import sweep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `corpus`."""
    verbs = parser.add_subparsers(dest="corpus_verb", required=True)
    building = verbs.add_parser(
        "build", help="folders of images to shards and a manifest; goes on where it was stopped"
    )
    building.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="FOLDER, or NAME=FOLDER to name its data set"
    )
    building.add_argument("--out", type=Path, required=True, help="folder of the corpus")
    building.add_argument(
        "--side", type=int, default=256, help="reduce the shorter side to it (default: 256 pixels)"
    )
    building.add_argument(
        "--axis", type=int, default=-1, help="cut NIfTI volumes along it (default: the last)"
    )
    auditing = verbs.add_parser("audit", help="find images of test splits; exit code 1 if any stay")
    auditing.add_argument("corpus", type=Path)
    auditing.add_argument(
        "--test",
        type=Path,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="of test images, or a prepared data set (python -m tasks prepare)",
    )
    auditing.add_argument("--report", type=Path, help="write the duplicates, a row each, as CSV")
    auditing.add_argument("--remove", action="store_true", help="leave them out of the manifest")
    for verb in (building, auditing):
        verb.add_argument(
            "--workers", type=int, default=os.cpu_count(), help="processes (default: all cores)"
        )
    verbs.add_parser("list", help="the data sets of LVM-Med's corpus")


def run(options: argparse.Namespace) -> int:
    """Carry out a verb; the exit code. Raises OSError and ValueError as the functions it calls."""
    return {"build": run_build, "audit": run_audit, "list": run_list}[options.corpus_verb](options)


def run_build(options: argparse.Namespace) -> int:
    """Build, and say what was taken."""
    if options.side < SMALLEST:
        raise ValueError(f"--side {options.side}: at least {SMALLEST} pixels")
    sources = []
    for text in options.sources:
        name, equals, folder = text.partition("=")
        path = Path(folder if equals else text)
        sources.append((name if equals else path.resolve().name, path))
    chosen = Options(options.side, options.axis)
    audited = (options.out / state.REMOVED).is_file()
    images, reasons = building.build(sources, options.out, chosen, options.workers)
    building.report(images, reasons, options.out)
    if audited:
        print("what an audit had left out is in the corpus again: audit it anew", file=sys.stderr)
    return 0


def run_audit(options: argparse.Namespace) -> int:
    """Audit; 1 if duplicates stay in the corpus."""
    try:
        chosen = read_summary(options.corpus).options
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{options.corpus} holds no corpus ({error})") from None
    with state.changing(options.corpus) if options.remove else nullcontext():
        if options.remove and (gone := state.finish(options.corpus, chosen)):
            print(f"an audit that was stopped: {gone} images left out", file=sys.stderr)
        rows = auditing.audit(options.corpus, options.test, chosen, options.workers)
        auditing.report(rows)
        if options.report:
            sweep(options.report.parent)
            state.write_csv(options.report, rows)
        if options.remove and rows:
            print(f"{state.remove(options.corpus, rows, chosen)} images left out", file=sys.stderr)
            return 0
    return 1 if rows else 0


def run_list(options: argparse.Namespace) -> int:
    """Show the data sets: a table on a terminal, CSV elsewhere."""
    rows = data_sets()
    if not sys.stdout.isatty():
        writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)
        return 0
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
    return 0
