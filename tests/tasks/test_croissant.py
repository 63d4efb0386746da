"""Croissant's descriptions of prepared data sets: read by MLCommons' own library, and compared with the layout."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout import check, write_data_set
from lvmmed_backbones.layout.files import fingerprint
from tasks import datasets, write_croissant
from tasks.__main__ import main
from tasks.croissant import CONTEXT

mlcroissant = pytest.importorskip("mlcroissant")
# What the cards do not know.
WARNING = 'Property "https://schema.org/datePublished" is recommended, but does not exist.'


def described(folder: Path) -> Any:
    """Return mlcroissant's data set of a prepared one; it raises for every error that it finds."""
    (path,) = write_croissant([folder])
    return mlcroissant.Dataset(jsonld=path)


def records(dataset: Any, name: str) -> list[dict[str, Any]]:
    """Return the records of a set: bytes as texts, names without that of the set."""
    return [
        {
            key.partition("/")[2]: value.decode() if isinstance(value, bytes) else value
            for key, value in record.items()
        }
        for record in dataset.records(name)
    ]


def meta_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "meta.json").read_text())


@pytest.mark.parametrize("name", datasets.names())
def test_every_data_set_is_described_without_an_error(
    name: str, prepared: Callable[[str], Path]
) -> None:
    folder = prepared(name)
    dataset, meta = described(folder), meta_of(folder)
    found = dataset.metadata.ctx.issues
    assert not found.errors
    assert found.warnings == {f"[Metadata({name})] {WARNING}"}
    assert fingerprint(folder) == meta["fingerprint"]

    if sum(meta["counts"].values()) < 1000:  # mlcroissant decodes 300 images a second
        images = records(dataset, "images")
        assert Counter(record["split"] for record in images) == meta["counts"]
        files = (path for path in (folder / "images").rglob("*") if path.is_file())
        paths = {path.relative_to(folder).as_posix() for path in files}
        assert {record["image"] for record in images} == paths
    assert {record["name"] for record in records(dataset, "splits")} == set(meta["counts"])
    assert [record["name"] for record in records(dataset, "classes")] == meta["classes"]

    card, text = datasets.get(name), json.loads((folder / "croissant.json").read_text())
    assert (text["url"], text["citeAs"]) == (card.page, card.citation)
    phantom = "PHANTOM" in text["description"], "phantom" in text["keywords"]
    assert phantom == (not card.shipped, not card.shipped)


def test_the_first_record_of_images_and_masks(prepared: Callable[[str], Path]) -> None:
    """2D, and slices of a volume: their pixels, too."""
    for name in ("isic2018", "brats2018"):
        folder = prepared(name)
        dataset = described(folder)
        image, mask = records(dataset, "images")[0], records(dataset, "masks")[0]
        path = min(p for p in (folder / "images").rglob("*") if p.is_file()).relative_to(folder)
        stem = path.relative_to("images").with_suffix("").as_posix()
        assert (image["image"], image["mask"]) == (path.as_posix(), f"masks/{stem}.png")
        assert mask["path"] == image["mask"]
        assert stem in (folder / "splits" / f"{image['split']}.txt").read_text().splitlines()
        for record, file in ((image, path), (mask, mask["path"])):
            expected = Image.open(folder / file).convert("RGB")
            assert np.array_equal(np.asarray(record["pixels"]), np.asarray(expected))


def test_the_labels_of_images(prepared: Callable[[str], Path]) -> None:
    """An image may have several splits."""
    folder = prepared("fgadr")
    expected = Counter(
        (path.stem, *line.rsplit(" ", 1))
        for path in (folder / "splits").glob("*.txt")
        for line in path.read_text().splitlines()
    )
    images = records(described(folder), "images")
    found = [(r["split"], r["image"].removeprefix("images/"), str(r["label"])) for r in images]
    assert Counter(found) == expected


@pytest.mark.parametrize("name", ["bccd", "kvasir"])
def test_the_boxes_of_images(name: str, prepared: Callable[[str], Path]) -> None:
    folder = prepared(name)
    dataset = described(folder)
    classes = {c["number"]: c["name"] for c in records(dataset, "classes")}
    for path in (folder / "splits").glob("*.json"):
        coco = json.loads(path.read_text())
        boxes = records(dataset, f"boxes_{path.stem}")
        expected = [(b["image_id"], b["category_id"], b["bbox"]) for b in coco["annotations"]]
        assert [(b["image_id"], b["class"], b["box"]) for b in boxes] == expected
        assert records(dataset, f"boxed_images_{path.stem}") == coco["images"]
        assert all(classes[c["id"]] == c["name"] for c in coco["categories"])


def test_names_that_a_table_could_take_for_something_else(tmp_path: Path) -> None:
    names = ["007", "1e5", "a, b", 'say "x"', "NA", "=1+1"]
    with write_data_set(tmp_path / "odd") as writer:
        writer.meta = meta_like("segmentation") | dict(licence="")
        for name in names:
            image = np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)
            writer.image(name, image)
            writer.mask(name, image, (image > 99).astype(np.uint8), tmp_path)
        writer.split("train", names)
    dataset = described(tmp_path / "odd")
    images = records(dataset, "images")
    assert {record["image"] for record in images} == {f"images/{name}.png" for name in names}
    assert {record["split"] for record in images} == {"train"}
    assert dataset.metadata.license == ["unknown"]


def meta_like(kind: str) -> dict[str, Any]:
    facts = dict(name="odd", title="Odd", modality="noise", page="https://example.org")
    return facts | dict(kind=kind, classes=["a", "b"], citation="Nobody", preparer_version=1)


def test_a_changed_list_is_refused_by_us_and_by_readers(prepared: Callable[[str], Path]) -> None:
    folder = prepared("drive")
    write_croissant([folder])
    table = folder / "croissant.csv"
    table.write_text(table.read_text().replace("test,", "train,"))
    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    with pytest.raises(mlcroissant.GenerationError, match=r"croissant\.csv") as error:
        list(dataset.records("images"))
    assert "not identical with the reference" in str(error.value.__cause__)
    (folder / "splits" / "test.txt").write_text("01_test\n")
    before = (folder / "croissant.json").read_bytes()
    with pytest.raises(Refused, match=r"test\.txt: is not as it was prepared"):
        write_croissant([folder])
    assert (folder / "croissant.json").read_bytes() == before


def test_the_command(prepared: Callable[[str], Path], tmp_path: Path, capsys) -> None:
    folder = prepared("drive")
    assert main(["croissant", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'croissant.json'}\n"
    assert check(folder) == []
    assert main(["croissant", str(tmp_path)]) == 2
    assert "is no prepared data set" in capsys.readouterr().err


def test_the_context_is_the_standard_one() -> None:
    from mlcroissant._src.core.rdf import make_context

    assert make_context() == CONTEXT
