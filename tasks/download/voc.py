"""Read the boxes of an image in the format of PASCAL VOC: an XML file for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from lvmmed_backbones.files.outside import MIB, Refused, read_bytes, refusing
from lvmmed_backbones.layout.boxes import fault
from tasks.download.folders import missing_error
from tasks.download.tables import REMEDY

MEND = "Use the file as the download has it, or correct the box"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
Box = tuple[int, float, float, float, float]


def read_voc(path: Path, classes: Sequence[str], size: tuple[int, int]) -> list[Box]:
    """Return the boxes of an image: (class index, left, top, right, bottom) in pixels, cut at the image's borders.

    Boxes of a single pixel are left out: they are clicks, not findings.

    Parameters
    ----------
    classes : sequence of str
        The names that a box may have.
    size : (int, int)
        Width and height of the image.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole XML, declares entities, is of an image of another size, or has a box that is none.
    """
    try:
        content = read_bytes(path, most=MIB)
    except FileNotFoundError:
        raise missing_error(path, "boxes") from None
    if b"<!" in content.replace(b"<!--", b""):
        raise Refused(path, "declares a document type, which boxes need not", REMEDY)
    with refusing(path, REMEDY, "is no whole XML file"):
        root = ElementTree.fromstring(content)
    width, height = (_number(root, f"size/{side}", path) for side in ("width", "height"))
    if (width, height) != size:
        reason = f"is of an image of {width:g} x {height:g} pixels, not of {size[0]} x {size[1]}"
        raise Refused(path, reason, "Do the two belong together?")
    boxes: list[Box] = []
    for entry in root.iter("object"):
        name = entry.findtext("name", "")
        if name not in classes:
            raise Refused(path, f"has a box of {name!r}: expected {', '.join(classes)}", MEND)
        left, top, right, bottom = (_number(entry, f"bndbox/{side}", path) for side in CORNERS)
        if left == right and top == bottom:
            continue
        if wrong := fault(left, top, right, bottom, width, height):
            corners = f"{left:g}, {top:g}, {right:g}, {bottom:g}"
            raise Refused(path, f"the box of {name} {wrong}: {corners}", MEND)
        found = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
        boxes.append((list(classes).index(name), *found))
    return boxes


def _number(element: ElementTree.Element, tag: str, path: Path) -> float:
    """Return the number in an element. Raises Refused if there is none."""
    text = element.findtext(tag)
    try:
        return float(text or "")
    except ValueError:
        raise Refused(path, f"has the {tag} {text!r}, not a number", MEND) from None
