"""`python -m tasks`: the data sets of the 15 tasks."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, so that a stop among them is quiet, too
    stop_quietly("Every data set is as it was, or new and whole: start again")

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from lvmmed_backbones.display import plain, say_error
from lvmmed_backbones.layout import check
from tasks import datasets, phantoms


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tasks", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser(
        "list",
        help="what to download, from where, into which folder",
        description="List the data sets.",
    )
    prepare = verbs.add_parser(
        "prepare", help="turn downloads into the prepared layout", description="Prepare data sets."
    )
    prepare.add_argument("names", nargs="*", metavar="NAME", help="default: all that are there")
    prepare.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of downloads"
    )
    prepare.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of prepared data sets"
    )
    draw = verbs.add_parser(
        "phantoms", help="draw stand-ins for downloads", description="Draw phantoms of data sets."
    )
    draw.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    draw.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of downloads to be"
    )
    draw.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed draws the same bytes (0)"
    )
    sound = verbs.add_parser(
        "check",
        help="read everything in prepared data sets",
        description="Check prepared data sets.",
    )
    sound.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="of one prepared data set each"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 if all is well, 1 if a check found something, 2 for what cannot be done."""
    options = parser().parse_args(arguments)
    try:
        if options.verb == "list":
            show()
        elif options.verb == "prepare":
            for name in tqdm(options.names or there(options.data), desc="preparing", unit="set"):
                print(plain(datasets.prepare(name, options.data, options.out)))
        elif options.verb == "phantoms":
            for name in tqdm(options.names or phantoms.names(), desc="drawing", unit="set"):
                print(plain(phantoms.generate(name, options.out, options.seed)))
        else:
            problems = [
                p
                for folder in tqdm(options.folders, desc="checking", unit="set")
                for p in check(folder)
            ]
            print("\n".join(map(plain, problems)) or "sound")
            return 1 if problems else 0
    except (ValueError, OSError) as error:
        say_error(error)
        return 2
    return 0


def there(downloads: Path) -> list[str]:
    """The data sets in a folder of downloads.

    Raises:
        FileNotFoundError: if there are none.
    """
    found = datasets.available(downloads)
    if not found:
        folders = ", ".join(sorted({datasets.get(n).folder for n in datasets.names()}))
        raise FileNotFoundError(
            f"{downloads} holds no data set: expected a folder called one of {folders}"
        )
    return found


def show() -> None:
    """A block per data set."""
    table = Table(title="Data sets", show_header=False, box=box.SIMPLE, show_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name in datasets.names():
        dataset = datasets.get(name)
        table.add_row("[bold]name[/bold]", f"[bold]{name}[/bold]: {dataset.title}")
        table.add_row(
            "what", f"{dataset.kind}, {dataset.modality}, {dataset.images} {dataset.unit}"
        )
        table.add_row("from", dataset.page)
        table.add_row("into", f"{dataset.folder}/: {dataset.layout}")
        table.add_row("licence", f"{dataset.licence}; {dataset.citation}", end_section=True)
    Console(soft_wrap=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
