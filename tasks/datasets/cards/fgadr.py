"""FGADR: grades of diabetic retinopathy. In the published list the valid images are the test images.

The released code reads the training and test images of the list, and draws a fifth of the training images to choose the
checkpoint on: the splits release_train and release_valid. The clean split does the same, with another draw: of each
grade alike.
"""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file
from tasks.download.tables import MEND, read_csv
from tasks.splits import carve, keep_present, published_split, released_validation

DATASET = Dataset(
    name="fgadr",
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


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as they are, with the download's grades, on the published split, the clean and the released."""
    table = source / "Seg-set" / "DR_Seg_Grading_Label.csv"
    grades = read_grades(table)
    names_there = []
    for path in each_file(source / "Seg-set" / "Original_Images", "*.png", "images"):
        name = f"{path.stem}.png"
        if name not in grades:
            raise Refused(table, f"has no grade of {name}", "Use the table of the same download")
        writer.image(path.stem, path)
        names_there.append(name)
    authors = published_split("fgadr")
    splits = {"train": authors["train"], "valid": authors["val"], "test": authors["test"]}
    wanted = {split: [name for name, _ in rows] for split, rows in splits.items()}
    # The folders of classes that the release makes are of the published grades, by name (split/FGADR:13-38).
    by_grade = [name for name, _ in sorted(authors["train"], key=lambda row: (row[1], row[0]))]
    wanted |= released_validation(by_grade, 0.2)
    splits_there, writer.meta["missing"] = keep_present(wanted, names_there)
    clean = carve(
        splits_there["train"],
        dict(clean_train=0.8, clean_valid=0.2),
        [grades[n] for n in splits_there["train"]],
    )
    for split, names in {**splits_there, **clean}.items():
        writer.split(split, [f"{name} {grades[name]}" for name in names])
    writer.meta["leaks"] = [["valid", "test"]]
    writer.meta["disjoint"] = [
        ["train", "valid", "test"],
        ["clean_train", "clean_valid", "test"],
        ["release_train", "release_valid", "test"],
    ]


def read_grades(path: Path) -> dict[str, int]:
    """Return the grade of each image.

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    Refused
        Naming the row, for a grade that does not exist, and for an image that has a grade already.
    """
    grades: dict[str, int] = {}
    rows: dict[str, int] = {}
    for row in read_csv(path, "table of grades", names=["name", "grade"]):
        name, grade = row.text("name"), row.text("grade")
        if grade.strip(" ") not in ("0", "1", "2", "3", "4"):
            header = row.number == 1 and not any(map(str.isdigit, grade))
            remedy = "Take the header out" if header else MEND
            raise row.refused(f"{name} has the grade {grade}: expected 0 to 4", remedy)
        if name in grades:
            again = "again" if int(grade) == grades[name] else f"and {grades[name]}"
            raise row.refused(f"{name} has the grade {grade} {again}, as of row {rows[name]}")
        grades[name], rows[name] = int(grade), row.number
    return grades
