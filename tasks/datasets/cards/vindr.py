"""VinDr-CXR as in the Kaggle challenge of VinBigData, at 512 pixels: splits drawn at random, and the release's.

The released code takes the images in the order of the table (70, 10 and 20 %), and fuses boxes of several readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout.boxes import fault
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import files_by_name
from tasks.download.tables import Row, read_csv
from tasks.release.fusion import fuse_readers
from tasks.splits import carve

DATASET = Dataset(
    name="vindr",
    title="VinDr-CXR (VinBigData, 512 px)",
    folder="vindr",
    layout="train.csv (image_id, class_id, x_min ... y_max, width, height) and train/*.png",
    kind="detection",
    classes=(
        "Aortic enlargement",
        "Atelectasis",
        "Calcification",
        "Cardiomegaly",
        "Consolidation",
        "ILD",
        "Infiltration",
        "Lung Opacity",
        "Nodule/Mass",
        "Other lesion",
        "Pleural effusion",
        "Pleural thickening",
        "Pneumothorax",
        "Pulmonary fibrosis",
    ),
    modality="X-ray, chest",
    images=4394,  # with a finding, of 15000
    licence="PhysioNet credentialed, or the challenge's terms",
    citation="Nguyen et al., Scientific Data 2022",
    page="https://www.kaggle.com/datasets/awsaf49/vinbigdata-512-image-dataset",
)
NO_FINDING = 14
COLUMNS = ("image_id", "class_id", "x_min", "y_min", "x_max", "y_max", "width", "height")
CORNERS = COLUMNS[2:6]
# Cells of a row without a finding, as different tables fill them.
NO_BOX = ({""}, {"0", "1"}, {"0"})


@dataclass
class _Original:
    """An image as the table describes it.

    Attributes
    ----------
    row : int
        The first row that names it.
    width, height : float
        Size of the original, in pixels.
    boxes : list of (int, float, float, float, float)
        (class, left, top, right, bottom) in these pixels, of all readers.
    """

    row: int
    width: float
    height: float
    boxes: list[tuple[int, float, float, float, float]] = field(default_factory=list)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images with a finding, with boxes scaled to them: all readers' and seeded splits, and the release's."""
    originals = read_findings(source / "train.csv")
    images = files_by_name(source / "train", "*.png")
    facts: dict[str, dict] = {}
    boxes: dict[str, list[tuple]] = {}
    fused: dict[str, list[tuple]] = {}
    with_findings = [image_id for image_id, original in originals.items() if original.boxes]
    for image_id in tqdm(sorted(with_findings), desc="images", leave=False, disable=None):
        name, original = f"{image_id}.png", originals[image_id]
        image = writer.image(image_id, images[name])
        height, width = image.shape[:2]
        facts[name] = dict(file_name=name, width=width, height=height)
        fx, fy = width / original.width, height / original.height
        boxes[name] = [
            (label, left * fx, top * fy, (right - left) * fx, (bottom - top) * fy)
            for label, left, top, right, bottom in original.boxes
        ]
        fused[name] = fuse_readers(
            [(c, x1 * fx, y1 * fy, x2 * fx, y2 * fy) for c, x1, y1, x2, y2 in original.boxes],
            width,
            height,
        )
    drawn = carve(list(facts), dict(train=0.7, valid=0.1, test=0.2))
    released = released_split([f"{image_id}.png" for image_id in with_findings])
    for splits, of_images in ((drawn, boxes), (released, fused)):
        for split, names in splits.items():
            writer.split(split, [name.removesuffix(".png") for name in names])
            writer.boxes(split, [facts[name] for name in names], of_images, DATASET.classes)
    writer.meta["disjoint"] = [list(drawn), list(released)]


def released_split(names: Sequence[str]) -> dict[str, Sequence[str]]:
    """Divide the images with a finding, in the order of the table, as object_detection/convert_to_coco.py:171-178.

    0.7 + 0.1 is a little less than 0.8 there, so of 10 images 7 are before the valid ones, and 7 before the test ones.

    Returns
    -------
    dict of str to sequence of str
        release_train, release_valid, release_test; none where one of them would be empty.
    """
    first, second = int(0.7 * len(names)), int((0.7 + 0.1) * len(names))
    parts = dict(
        release_train=names[:first],
        release_valid=names[first:second],
        release_test=names[second:],
    )
    return parts if all(parts.values()) else {}


def read_findings(path: Path) -> dict[str, _Original]:
    """Return the images of the table, with their findings; those that have any in the order of their first one.

    Readers (rad_id) work apart, so two may draw the same box, and one may see nothing where another sees something.
    The same reader may not. In a table without rad_id the two cases look alike, and nothing is refused for it.

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    Refused
        Naming the row, for what is no finding, and for rows that repeat or contradict another.
    """
    originals: dict[str, _Original] = {}
    rows: dict[tuple, int] = {}
    readings: dict[tuple[str, str], tuple[bool, int]] = {}
    table = read_csv(path, "table of findings")
    lacking = [column for column in COLUMNS if table and column not in table[0].cells]
    if lacking:
        remedy = "Use the table of the 512 px data set, which has the original sizes"
        raise Refused(path, f"lacks the columns {lacking}", remedy)
    for row in table:
        image_id, label = row.text("image_id"), _class_of(row)
        if Path(image_id).name != image_id:
            raise row.refused(f"the image_id is {image_id!r}, no name of a file")
        original = _original_of(row, originals)
        finding = label != NO_FINDING
        box = _box_of(row, original) if finding else _no_box(row)
        if "rad_id" in row.cells:
            reader = row.text("rad_id")
            first = rows.setdefault((image_id, reader, label, box), row.number)
            if first != row.number:
                raise row.refused(f"repeats row {first}, of the same image {image_id} and reader")
            saw, other = readings.setdefault((image_id, reader), (finding, row.number))
            if saw != finding:
                reason = f"{reader} has a finding in {image_id} and none, as of row {other}"
                raise row.refused(reason)
        if finding and not original.boxes:
            originals[image_id] = originals.pop(image_id)
        if finding:
            original.boxes.append((label, *box))
    return originals


def _class_of(row: Row) -> int:
    """Return the class of a row. Raises Refused if there is no such class, or its name is that of another."""
    label = row.whole("class_id")
    if label not in range(NO_FINDING + 1):
        raise row.refused(f"the class_id is {label}: expected 0 to {NO_FINDING}")
    name = (*DATASET.classes, "No finding")[label]
    given = row.cells.get("class_name", name)
    if given.strip().casefold() != name.casefold():
        raise row.refused(f"the class_name is {given!r}, but that of class {label} is {name!r}")
    return label


def _original_of(row: Row, originals: dict[str, _Original]) -> _Original:
    """Return the image that a row names. Raises Refused if it has no size, or another size in an earlier row."""
    image_id, width, height = row.cells["image_id"], row.real("width"), row.real("height")
    if min(width, height) <= 0:
        raise row.refused(f"the original of {image_id} has {width:g} x {height:g} pixels")
    known = originals.setdefault(image_id, _Original(row.number, width, height))
    if (width, height) != (known.width, known.height):
        raise row.refused(
            f"{image_id} has {width:g} x {height:g} pixels, "
            f"but {known.width:g} x {known.height:g} in row {known.row}"
        )
    return known


def _box_of(row: Row, original: _Original) -> tuple[float, float, float, float]:
    """Return the box of a finding: left, top, right, bottom. Raises Refused if it is no box."""
    left, top, right, bottom = (row.real(column) for column in CORNERS)
    wrong = fault(left, top, right, bottom, original.width, original.height)
    if wrong:
        cells = ", ".join(f"{column} {row.cells[column]}" for column in CORNERS)
        size = f"{original.width:g} x {original.height:g} pixels"
        raise row.refused(f"the box of {row.cells['image_id']} {wrong}: {cells}, of {size}")
    return left, top, right, bottom


def _no_box(row: Row) -> tuple[()]:
    """Return the empty box of a row without a finding. Raises Refused if the row has a box."""
    cells = [row.cells[column].strip() for column in CORNERS]
    if {cell.removesuffix(".0") for cell in cells} not in NO_BOX:
        raise row.refused(f"has no finding, but the box {', '.join(cells)}")
    return ()
