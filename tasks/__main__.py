"""`python -m tasks`: the data sets of the tasks."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, so that a stop among them is quiet, too
    stop_quietly("Every data set is as it was, or new and whole: start again")

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from lvmmed_backbones.command.shell import add_verb, carry_out, show_paths
from lvmmed_backbones.display import plain, say_error
from tasks.datasets import Dataset


def parser() -> argparse.ArgumentParser:
    """Return the command line: each verb has a function behind it, its options are that function's arguments."""
    top = argparse.ArgumentParser(prog="python -m tasks", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    text = "list the data sets: what to download, from where, into which folder"
    add_verb(verbs, "list", text, "tasks.commands:list_data_sets", _show_data_sets)
    text = "turn downloads into the prepared layout"
    add = add_verb(verbs, "prepare", text, "tasks.commands:prepare", _show_folders)
    add("names", nargs="*", default=(), metavar="NAME", help="default: all that are there")
    text = "folder of downloads (none: the data sets that come with the suite)"
    add("--data", type=Path, metavar="DIR", help=text)
    add("--out", type=Path, required=True, metavar="DIR", help="folder of prepared data sets")
    text = "draw stand-ins for downloads"
    add = add_verb(verbs, "phantoms", text, "tasks.commands:draw_phantoms", _show_folders)
    add("names", nargs="*", default=(), metavar="NAME", help="default: all")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of downloads to be")
    text = "the same seed draws the same bytes (0)"
    add("--seed", type=int, default=0, metavar="N", help=text)
    text = "read everything in prepared data sets, and name what is wrong"
    add = add_verb(verbs, "check", text, "tasks.commands:check", _show_problems)
    add("folders", nargs="+", type=Path, metavar="DIR", help="of one prepared data set each")
    text = "describe prepared data sets in Croissant, for other tools"
    add = add_verb(verbs, "croissant", text, "tasks:write_croissant", show_paths)
    add("folders", nargs="+", type=Path, metavar="DIR", help="of one prepared data set each")
    text = "draw images of each split with their masks, boxes or classes: does the data look right?"
    add = add_verb(verbs, "show", text, "tasks:show", _show_path)
    text = "folder of a prepared data set, or a data set's name"
    add("data_set", metavar="DATA_SET", help=text)
    text = "for a name: folder of downloads (none: what comes with the suite)"
    add("--data", type=Path, metavar="DIR", help=text)
    add("--out", type=Path, metavar="FILE", help="the PNG to write (NAME.png)")
    add("--count", type=int, default=12, metavar="N", help="images of each split (12)")
    add("--seed", type=int, default=0, metavar="N", help="chooses them (0)")
    text = "write the versions of all tasks, and fingerprints of data, for a results repository"
    add = add_verb(verbs, "versions", text, "tasks:versions", _show_path)
    text = "prepared data sets, whose fingerprints are added to those in the file"
    add("folders", nargs="*", type=Path, default=(), metavar="DIR", help=text)
    add("--out", type=Path, required=True, metavar="FILE", help="tasks.json of the repository")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 if all is well, 1 if a check found something, 2 for what cannot be done."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError) as error:
        say_error(error)
        return 2


def _show_path(path: Path) -> int:
    return show_paths([path])


def _show_folders(folders: Mapping[str, Path]) -> int:
    return show_paths(folders.values())


def _show_problems(problems: Sequence[str]) -> int:
    print("\n".join(map(plain, problems)) or "sound")
    return 1 if problems else 0


def _show_data_sets(data_sets: Mapping[str, Dataset]) -> int:
    """Print a block for each data set."""
    table = Table(title="Data sets", show_header=False, box=box.SIMPLE, show_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, dataset in data_sets.items():
        table.add_row("[bold]name[/bold]", f"[bold]{name}[/bold]: {dataset.title}")
        table.add_row(
            "what", f"{dataset.kind}, {dataset.modality}, {dataset.images} {dataset.unit}"
        )
        table.add_row("from", dataset.page)
        place = f"tasks/shipped/{dataset.folder}" if dataset.shipped else dataset.folder
        table.add_row("there in" if dataset.shipped else "into", f"{place}/: {dataset.layout}")
        table.add_row("licence", f"{dataset.licence}; {dataset.citation}", end_section=True)
    Console(soft_wrap=True).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
