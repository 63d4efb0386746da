"""`python -m lvmmed_backbones`: the catalogue of backbones, corpora of unlabelled images, pretraining."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, which take seconds
    stop_quietly("What is there is whole. Start again; pretrain goes on with --resume")

import argparse
import json
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import adding
from lvmmed_backbones.display import plain, say_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments)
        return options.action(options)
    except (OSError, ValueError, ArithmeticError, ModuleNotFoundError) as error:
        say_error(error)
        return 1


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; what one verb alone needs, such as OpenMMLab, is imported for that verb."""
    asked = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="python -m lvmmed_backbones", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser(
        "list", help="show every backbone of the catalogue", description="Show the catalogue."
    )
    listing.add_argument("--json", action="store_true", help="as JSON, with every field")
    listing.set_defaults(action=run_list)
    collecting = verbs.add_parser("corpus", help="build and audit a corpus of unlabelled images")
    if asked == "corpus":
        from lvmmed_backbones.corpus import command as corpus

        collecting.description = corpus.__doc__
        corpus.add_arguments(collecting)
        collecting.set_defaults(action=corpus.run)
    training = verbs.add_parser("pretrain", help="pretrain a backbone on a corpus")
    exporting = verbs.add_parser("export", help="make a pretrained backbone one of the catalogue")
    if asked in ("pretrain", "export"):
        from lvmmed_backbones.pretrain import command

        command.add_pretrain_arguments(training)
        training.set_defaults(action=command.run_pretrain)
        command.add_export_arguments(exporting)
        exporting.set_defaults(action=command.run_export)
    taking = verbs.add_parser(
        "add", help="make a file of weights a backbone of the catalogue", description=adding.__doc__
    )
    adding.add_arguments(taking)
    taking.set_defaults(action=adding.run)
    return parser.parse_args(words)


def run_list(options: argparse.Namespace) -> int:
    """Show the catalogue; 1 if a file in it is spoilt, which takes no other with it."""
    facts, problems = (
        [],
        [f"{file}: its name is no name of a backbone: rename it" for file in catalogue.misnamed()],
    )
    for name in catalogue.names():
        try:
            facts.append(describe(name))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    if options.json:
        print(json.dumps(facts, indent=1))
    else:
        show(facts)
    for problem in problems:
        say_error(problem)
    return 1 if problems else 0


def describe(name: str) -> dict:
    """Everything that the catalogue knows of a backbone, as plain data; the weights are those of its first seed."""
    seeds = catalogue.seeds(name)
    entry = catalogue.get(name, *seeds[:1])
    weights = entry.weights
    return {
        "name": name,
        "architecture": entry.architecture,
        "method": entry.method,
        "corpus": entry.corpus,
        "licence": entry.licence,
        "source": entry.source,
        "mean": entry.mean,
        "std": entry.std,
        "channels": entry.channels,
        "vector_channels": entry.vector_channels,
        "pretraining_seeds": seeds,
        "weights": weights
        and {
            "file": weights.file,
            "from": weights.origin,
            "sha256": weights.sha256,
            "layout": weights.layout,
            "here": weights.is_here,
        },
    }


def show(facts: Sequence[dict]) -> None:
    """A block per backbone. What a file says of itself is text, and never markup."""
    table = Table(title="Backbones", show_header=False, box=box.SIMPLE, show_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for fact in facts:
        weights = fact["weights"]
        rows = [
            ("architecture", fact["architecture"]),
            ("method, corpus", f"{fact['method']}, {fact['corpus']}"),
        ]
        if weights:
            here = "on this machine" if weights["here"] else "not on this machine"
            rows += [
                ("weights", f"{weights['file']} ({here})"),
                ("", f"from {weights['from']}"),
                ("sha256", weights["sha256"] or "not published"),
            ]
        if seeds := fact["pretraining_seeds"]:
            several = ", ".join(map(str, seeds))
            rows.append(("pretraining seeds", f"{several}; the weights above are of {seeds[0]}"))
        mean, std = (" ".join(f"{v:g}" for v in fact[key]) for key in ("mean", "std"))
        rows.append(("normalisation", f"mean {mean}, std {std} (RGB, 0 to 255)"))
        table.add_row(Text("name", style="bold"), Text(fact["name"], style="bold"))
        for key, value in rows:
            table.add_row(key, Text(plain(value)))
        source = f"{fact['licence']}, {fact['source']}"
        table.add_row("licence, source", Text(plain(source)), end_section=True)
    Console(soft_wrap=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
