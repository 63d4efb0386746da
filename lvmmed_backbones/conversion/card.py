"""The model card of a converted backbone: training, corpus, licence, how to load it, and scores from records.

A hub shows README.md; its head in YAML is what the hub sorts by. Foreign text is data: none becomes markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.catalogue.declared import pretraining
from lvmmed_backbones.catalogue.exported import Facts, files_by_seed, read_facts
from lvmmed_backbones.conversion.format import Format
from lvmmed_backbones.conversion.markdown import escaped, fenced

CARD = "README.md"
# Names of licences on the hub; every other one is `other`, with its own name beside it.
LICENCES = {
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "BSD-3-Clause": "bsd-3-clause",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
}
MOST = 30  # data sets that a card names


def card(
    *,
    name: str,
    to: str,
    chosen: Format,
    entry: Entry,
    seed: int,
    side: int,
    output: str,
    difference: float,
    notes: Sequence[str],
    table: Sequence[str],
    folder: str,
) -> str:
    """Return the card of a backbone in a format.

    Parameters
    ----------
    name, to, seed, output : str
        As of `convert`; `chosen` is the format of the name `to`.
    side : int
        Of the images, in pixels.
    difference, notes : float
        As of `Converted`.
    table : sequence of str
        The paragraphs of `scores`.
    folder : str
        Name of the folder of the files.
    """
    rgb = [" ".join(f"{value:g}" for value in values) for values in (entry.mean, entry.std)]
    parts = [
        _head(entry, to),
        f"# {escaped(name)}",
        f"{escaped(entry.architecture)}. Pretraining method: {escaped(entry.method)}; images: {escaped(entry.corpus)}.",
        "For research. It is no medical device, and its features are no diagnosis.",
        "## Use",
        f"Images are RGB, {side} x {side} pixels, values from 0 to 255, minus the mean {rgb[0]}, divided by {rgb[1]} "
        "(standard deviation). The output is "
        + (
            "the four maps at strides 4, 8, 16 and 32."
            if output == "maps"
            else f"a vector of {entry.vector_channels}."
        ),
        fenced("python", chosen.usage(folder, entry, side)),
        f"These files were loaded by {chosen.library} and compared with the network that they were written from: the "
        f"output differs by at most {difference:.1g} of its largest value.",
        "## Training",
        *_training(name, entry, seed),
        "## Licence",
        f"Weights: {escaped(entry.licence)}. Source: {escaped(entry.source)}.",
    ]
    if notes:
        parts.append("\n".join(f"- **Note**: {escaped(note)}." for note in notes))
    if table:
        parts += ["## Measured scores", *table]
    return "\n\n".join(parts) + "\n"


def _head(entry: Entry, to: str) -> str:
    """Return the YAML that a hub reads. JSON's values are YAML's, too."""
    licence = LICENCES.get(entry.licence, "other")
    facts: dict[str, object] = dict(license=licence)
    if licence == "other":
        words = re.findall(r"[a-z0-9.]+", entry.licence[:100].lower())
        facts["license_name"] = "-".join(words) or "unknown"  # the hub takes no other characters
    library = {"timm": "timm", "hf": "transformers", "onnx": "onnx"}.get(to)
    if library:
        facts["library_name"] = library
    facts |= dict(pipeline_tag="image-feature-extraction", tags=["backbone", to])
    lines = [f"{key}: {json.dumps(value)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---"])


def _training(name: str, entry: Entry, seed: int) -> list[str]:
    lines = []
    seen = pretraining(entry)
    if seen is None:
        lines.append("Nobody declared which data sets it has seen.")
    elif not seen.data_sets:
        lines.append("It has seen no image.")
    else:
        more = len(seen.data_sets) - MOST
        listed = ", ".join(map(escaped, seen.data_sets[:MOST])) + (
            f" and {more} more" if more > 0 else ""
        )
        lines.append(f"Declared data sets: {listed}. Do not test it on their images.")
    if started := seen.started_from if seen else [entry.started_from] * bool(entry.started_from):
        lines.append(f"Started from: {', '.join(map(escaped, started))}.")
    facts = _facts_of(name, seed)
    if facts is not None and facts.steps is not None:
        lines.append(
            f"{facts.steps} steps, {facts.epochs} epochs, {facts.images_seen} images seen, seed {facts.seed}, code of "
            f"commit {escaped(facts.git_revision)}."
        )
        if facts.training:
            lines.append(fenced("text", facts.training))
    return lines


def _facts_of(name: str, seed: int) -> Facts | None:
    """The facts in the file of a backbone that `export` or `add` wrote; None for another one."""
    path = catalogue.exported().get(name)
    if path is None or name in catalogue.modules():
        return None
    return read_facts(files_by_seed(path).get(seed, path))
