"""Describe a prepared data set in Croissant 1.0 (https://docs.mlcommons.org/croissant), which other tools read.

Two files beside meta.json: croissant.json, and the table that it reads, croissant.csv, a row for each image of each
split. The lists in splits/ would not do as a table: Croissant's readers take the name 007 for the number 7.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from lvmmed_backbones.files.outside import read_bytes, read_lines, refusing
from lvmmed_backbones.files.writing import write_json, write_text
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import (
    CROISSANT,
    CROISSANT_TABLE,
    check_lists,
    file_names,
    split_files,
)
from lvmmed_backbones.layout.reading import KEPT

SPLITS = {"train": "cr:TrainingSplit", "valid": "cr:ValidationSplit", "test": "cr:TestSplit"}
# Of the licences that the cards name, those that have an address.
LICENCES = {
    "MIT": "https://spdx.org/licenses/MIT.html",
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC BY-NC 4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC BY-SA 4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}
PHANTOM = (
    "PHANTOM: generated images that stand in for the data set in tests. They show nothing real. "
    "The licence and the citation are those of the data set that they stand in for. "
)
# As the specification has it, section "Namespaces".
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{
        word: f"cr:{word}"
        for word in (
            *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject"),
            *("fileProperty", "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key"),
            *("md5", "parentField", "path", "recordSet", "references", "regex", "repeated"),
            *("replace", "samplingRate", "separator", "source", "subField", "transform"),
        )
    },
}


class _Facts(msgspec.Struct):
    """What croissant.json says of a data set, as meta.json has it."""

    name: str
    title: str
    kind: str
    classes: list[str]
    modality: str
    page: str
    citation: str
    fingerprint: str
    preparer_version: int
    licence: str = ""
    phantom: bool = False


def write_croissant(folders: Iterable[str | Path]) -> list[Path]:
    """Write croissant.json and croissant.csv into prepared data sets: `python -m tasks croissant`.

    The fingerprint of a data set leaves both out, so they change nothing for runs and records.

    Parameters
    ----------
    folders : iterable of str or Path
        Folders of one prepared data set each.

    Returns
    -------
    list of Path
        The croissant.json of each.

    Raises
    ------
    FileNotFoundError
        If a folder is no prepared data set.
    Refused
        If its meta.json or a list of its splits is not as it was prepared.
    DiskFull, OSError
        If a file cannot be written.
    """
    return [_describe(Path(folder)) for folder in folders]


def _describe(folder: Path) -> Path:
    """Write both files of a data set; return croissant.json."""
    meta = read_meta(folder)
    check_lists(folder, meta)
    remedy = f"Delete {folder} and prepare it again"
    with refusing(folder / "meta.json", remedy, "lacks a fact of the data set"):
        facts = msgspec.convert(meta, _Facts)
    rows = list(_rows(folder, facts.kind))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / CROISSANT_TABLE, text.getvalue())
    sums = {f"splits/{name}": sha256 for name, sha256 in meta["lists"].items()}
    for name in ("meta.json", CROISSANT_TABLE):
        sums[name] = hashlib.sha256(read_bytes(folder / name, within=folder)).hexdigest()
    write_json(folder / CROISSANT, _content(facts, sums, list(rows[0])))
    return folder / CROISSANT


def _rows(folder: Path, kind: str) -> Iterator[dict[str, str]]:
    """Yield a row of the table for each image of each split."""
    files = {
        name.rpartition(".")[0]: name
        for name in sorted(file_names(folder / "images"))
        if Path(name).suffix in KEPT
    }
    for path in split_files(folder, ".txt"):
        for line in read_lines(path, within=folder):
            name, _, label = line.rpartition(" ") if kind == "classification" else (line, "", "")
            row = dict(split=path.stem, image=f"images/{files.get(name, name)}")
            if label:
                row["label"] = label
            elif kind != "detection":
                row["mask"] = f"masks/{name}.png"
            yield row


def _content(facts: _Facts, sums: dict[str, str], columns: list[str]) -> dict[str, Any]:
    """Return the content of croissant.json.

    Parameters
    ----------
    sums : dict of str to str
        sha256 of the files that are listed one by one, by their path.
    columns : list of str
        Columns of the table.
    """
    splits = [path[7:-4] for path in sums if path.startswith("splits/") and path.endswith(".txt")]
    boxes = [path for path in sums if path.endswith(".json") and path.startswith("splits/")]
    what = f"{facts.title}. {facts.kind.capitalize()}; {facts.modality}. "
    made = f"As LVM-Med Bench prepares it; fingerprint {facts.fingerprint}."
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.name,
        "description": (PHANTOM if facts.phantom else "") + what + made,
        "license": LICENCES.get(facts.licence, facts.licence or "unknown"),
        "url": facts.page,
        "citeAs": facts.citation,
        "version": f"{facts.preparer_version}.0.0",
        "keywords": [facts.kind, facts.modality, *(["phantom"] if facts.phantom else [])],
        "distribution": [
            *(_file_object(path, path, sha256) for path, sha256 in sums.items()),
            # Read for two kinds of records, which mlcroissant does with two objects only.
            *(_file_object(_again(path), path, sums[path]) for path in boxes),
            _file_set("images", KEPT, ["image/png", "image/jpeg"]),
            *([_file_set("masks", [".png"], ["image/png"])] if "mask" in columns else []),
        ],
        "recordSet": [
            _splits(splits),
            _classes(facts),
            _images(columns),
            *([_masks()] if "mask" in columns else []),
            *(record_set for path in boxes for record_set in _boxes(path)),
        ],
    }


def _file_object(name: str, path: str, sha256: str) -> dict[str, Any]:
    kind = {".csv": "text/csv", ".json": "application/json"}.get(Path(path).suffix, "text/plain")
    facts = dict(name=name, contentUrl=path, encodingFormat=kind, sha256=sha256)
    return {"@type": "cr:FileObject", "@id": name, **facts}


def _again(path: str) -> str:
    """Return another name for a file."""
    return f"{path}-images"


def _file_set(folder: str, suffixes: Iterable[str], formats: list[str]) -> dict[str, Any]:
    patterns = [f"{folder}/{deep}*{suffix}" for suffix in suffixes for deep in ("", "**/")]
    name = f"{folder[:-1]}-files"
    facts = dict(name=name, encodingFormat=formats, includes=patterns)
    return {"@type": "cr:FileSet", "@id": name, **facts}


def _record_set(name: str, description: str, fields: list[dict], **more: Any) -> dict[str, Any]:
    head = {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description}
    return {**head, "field": [{"@type": "cr:Field", "name": f["@id"], **f} for f in fields], **more}


def _splits(names: list[str]) -> dict[str, Any]:
    """Return the splits, with Croissant's type of each: by its name, as train, released_train or test_all."""
    types = {n: [t for word, t in SPLITS.items() if word in n.split("_")] for n in names}
    fields = [
        {"@id": "splits/name", "dataType": "sc:Text"},
        {"@id": "splits/url", "dataType": "sc:URL"},
    ]
    data = [{"splits/name": n, "splits/url": t[0] if t else ""} for n, t in types.items()]
    more: dict[str, Any] = dict(dataType="cr:Split", key={"@id": "splits/name"}, data=data)
    return _record_set("splits", "The parts that train, tune and test.", fields, **more)


def _classes(facts: _Facts) -> dict[str, Any]:
    """Return the classes, numbered as masks, labels and boxes do it: COCO's boxes begin with 1."""
    fields = [
        {"@id": "classes/number", "dataType": "sc:Integer"},
        {"@id": "classes/name", "dataType": "sc:Text"},
    ]
    first = int(facts.kind == "detection")
    data = [
        {"classes/number": n, "classes/name": name} for n, name in enumerate(facts.classes, first)
    ]
    more: dict[str, Any] = dict(dataType="sc:Enumeration", key={"@id": "classes/number"}, data=data)
    return _record_set("classes", "What masks, labels or boxes tell apart.", fields, **more)


def _images(columns: list[str]) -> dict[str, Any]:
    """Return the images: a record for each image of each split."""

    def column(name: str, kind: Any = "sc:Text") -> dict[str, Any]:
        source = dict(fileObject={"@id": CROISSANT_TABLE}, extract=dict(column=name))
        return {"@id": f"images/{name}", "dataType": kind, "source": source}

    path = _file("images/image", "sc:Text", "image-files", "fullpath")
    path["source"]["transform"] = dict(regex="(.+)")  # mlcroissant joins texts, and has paths
    # The first reference is the one by which mlcroissant joins the table to the files.
    path["references"] = dict(fileObject={"@id": CROISSANT_TABLE}, extract=dict(column="image"))
    split = column("split", ["sc:Text", "cr:Split"])
    split["references"] = dict(field={"@id": "splits/name"})
    pixels = _file("images/pixels", "sc:ImageObject", "image-files", "content")
    fields = [path, pixels, split]
    if "label" in columns:
        label = column("label", ["sc:Integer", "cr:Label"])
        fields.append(label | dict(references=dict(field={"@id": "classes/number"})))
    if "mask" in columns:
        fields.append(column("mask"))
    text = "A record for each image of each split, and for each image of none; of volumes, for each slice."
    key = [{"@id": "images/split"}, {"@id": "images/image"}]
    return _record_set("images", text, fields, key=key)


def _file(field: str, kind: Any, files: str, what: str) -> dict[str, Any]:
    """Return a field that holds a property of each file of a set."""
    source = dict(fileSet={"@id": files}, extract=dict(fileProperty=what))
    return {"@id": field, "dataType": kind, "source": source}


def _masks() -> dict[str, Any]:
    """Return the masks, found by their path."""
    kinds = ["sc:ImageObject", "cr:SegmentationMask"]
    fields = [
        _file("masks/path", "sc:Text", "mask-files", "fullpath"),
        _file("masks/pixels", kinds, "mask-files", "content"),
    ]
    text = "A grey PNG for each image, of as many pixels: a pixel is the number of its class."
    return _record_set("masks", text, fields, key={"@id": "masks/path"})


def _boxes(path: str) -> Iterator[dict[str, Any]]:
    """Yield the boxes of a split, in COCO's form, and the images that they name by number."""
    split = Path(path).stem

    def entry(source: str, field: str, kind: str, where: str) -> dict[str, Any]:
        extract = dict(fileObject={"@id": source}, extract=dict(jsonPath=where))
        return {"@id": field, "dataType": kind, "source": extract}

    name, images = f"boxes_{split}", f"boxed_images_{split}"
    fields = [
        entry(path, f"{name}/image_id", "sc:Integer", "$.annotations[*].image_id"),
        entry(path, f"{name}/class", "sc:Integer", "$.annotations[*].category_id"),
        entry(path, f"{name}/box", "cr:BoundingBox", "$.annotations[*].bbox"),
    ]
    yield _record_set(name, "x, y, width and height of each box, in pixels.", fields)
    path = _again(path)
    fields = [
        entry(path, f"{images}/id", "sc:Integer", "$.images[*].id"),
        entry(path, f"{images}/file_name", "sc:Text", "$.images[*].file_name"),
        entry(path, f"{images}/width", "sc:Integer", "$.images[*].width"),
        entry(path, f"{images}/height", "sc:Integer", "$.images[*].height"),
    ]
    text = "The images of the boxes, below images/: image_id of a box is id here."
    yield _record_set(images, text, fields, key={"@id": f"{images}/id"})
