"""FGADR: grades of diabetic retinopathy. In the published split the valid images are the test images.

The clean split leaves the published test images alone and carves its valid split out of the training images.
"""

from __future__ import annotations

from pathlib import Path

from tasks.datasets.dataset import Dataset
from tasks.prepared.images import each
from tasks.prepared.splits import carve, present, published
from tasks.prepared.tables import read_csv
from tasks.prepared.writer import Writer

DATASET = Dataset(
    title="FGADR, fine-grained annotated diabetic retinopathy (Seg-set)",
    folder="fgadr",
    layout="Seg-set/Original_Images/*.png and Seg-set/DR_Seg_Grading_Label.csv (name, grade, without header)",
    kind="classification",
    classes=("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
    modality="fundus photography, eye",
    images=1842,
    licence="research use, after a signed agreement",
    citation="Zhou et al., IEEE TMI 2021",
    page="https://csyizhou.github.io/FGADR/",
)


def prepare(source: Path, writer: Writer) -> None:
    """Images as they are, with the download's grades; the published split and the clean one."""
    table = source / "Seg-set" / "DR_Seg_Grading_Label.csv"
    rows = read_csv(table, "table of grades", names=["name", "grade"])
    grades: dict[str, int] = {}
    for name, grade in rows.itertuples(index=False):
        if grade not in range(5):
            raise ValueError(
                f"{table}: {name} has the grade {grade}: expected 0 to 4. Has the table a header?"
            )
        grades[name] = int(grade)
    there = []
    for path in each(source / "Seg-set" / "Original_Images", "*.png", "images"):
        if path.name not in grades:
            raise ValueError(
                f"{table} has no grade of {path.name}. Use the table of the same download."
            )
        writer.image(path.stem, path)
        there.append(path.name)
    authors = published("fgadr")
    splits = {"train": authors["train"], "valid": authors["val"], "test": authors["test"]}
    wanted = {split: [name for name, _ in rows] for split, rows in splits.items()}
    found, writer.meta["missing"] = present(wanted, there)
    clean = carve(
        found["train"], dict(clean_train=0.8, clean_valid=0.2), [grades[n] for n in found["train"]]
    )
    for split, names in {**found, **clean}.items():
        writer.split(split, [f"{name} {grades[name]}" for name in names])
    writer.meta["leaks"] = [["valid", "test"]]
    writer.meta["disjoint"] = [["train", "valid", "test"], ["clean_train", "clean_valid", "test"]]
