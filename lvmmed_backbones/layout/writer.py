"""Write a prepared data set, which appears when it is whole."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.folders import is_clutter
from lvmmed_backbones.files.outside import Refused, read_lines
from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.layout.boxes import fault
from lvmmed_backbones.layout.check import problems_of
from lvmmed_backbones.layout.files import checksums, fingerprint
from lvmmed_backbones.layout.reading import KEPT, read_frame, refuse_other_size, to_8_bit

# Categories of characters that break a line of a split, or are no UTF-8.
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")


@contextmanager
def write_data_set(folder: Path) -> Iterator[Writer]:
    """Yield a writer of a prepared data set, which appears when it is whole; an error leaves what was there before.

    Parameters
    ----------
    folder : Path
        The folder of the data set; if it is there, it is replaced as a whole.

    Raises
    ------
    ValueError
        At the end, if what was written is no sound data set; DiskFull, OSError: if it cannot be written.
    """
    with replacing_folder(folder) as scratch:
        writer = Writer(scratch)
        yield writer
        if problems := writer.finish():
            raise ValueError(f"{folder} was not written: " + "; ".join(problems))


class Writer:
    """Writes the files of one prepared data set into an empty folder.

    Parameters
    ----------
    scratch : Path
        The folder.

    Attributes
    ----------
    files : dict of str to str
        Name of the file of each image, by the image's name.
    meta : dict
        The content of meta.json.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.meta: dict[str, Any] = {}
        self.files: dict[str, str] = {}

    def image(self, name: str, source: Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Write an image, and return it: (H, W) or (H, W, 3).

        Parameters
        ----------
        name : str
            The image's name, without extension.
        source : Path or ndarray
            A file, copied byte for byte if it is an upright 8-bit PNG or JPEG, after it was read in whole; or an array.

        Raises
        ------
        FileNotFoundError, ValueError
            As `read_image`; ValueError for a name that leaves the folder, is a hidden file's, or that another image
            has.
        """
        path = self._path("images", f"{name}.png")
        if name in self.files:
            raise ValueError(
                f"two images have the name {plain(name)}: rename one of them in the download"
            )
        if isinstance(source, Path):
            frame = read_frame(source)
            pixels = to_8_bit(frame.pixels, source)
            if frame.kept and source.suffix.lower() in KEPT:
                self.files[name] = name + source.suffix.lower()
                shutil.copyfile(source, self._path("images", self.files[name]))
                return pixels
            source = pixels
        self.files[name] = f"{name}.png"
        Image.fromarray(source).save(path)
        return source

    def mask(self, name: str, image: NDArray[np.uint8], mask: NDArray, source: Path) -> None:
        """Write the mask of an image.

        Parameters
        ----------
        mask : NDArray
            (H, W) class indices, whole numbers.
        source : Path
            The file that it comes from, for the message.

        Raises
        ------
        Refused
            If it does not cover the image, or has an index beyond `meta["classes"]`.
        """
        refuse_other_size(image[..., 0] if image.ndim == 3 else image, mask, source)
        classes = len(self.meta.get("classes", range(256)))
        if mask.dtype.kind not in "bui" or mask.min() < 0 or mask.max() >= classes:
            reason = f"a mask has values of {mask.min()} to {mask.max()} ({mask.dtype})"
            remedy = f"Its class indices are whole numbers of 0 to {classes - 1}"
            raise Refused(source, reason, remedy)
        Image.fromarray(mask.astype(np.uint8)).save(self._path("masks", f"{name}.png"))

    def split(self, split: str, lines: Sequence[str]) -> None:
        """Write a split: a line per image.

        Raises
        ------
        ValueError
            For a line that begins or ends with a space: OpenMMLab's readers of lists strip it.
        """
        for line in lines:
            if line != line.strip():
                raise ValueError(
                    f"the name {plain(repr(line))} begins or ends with a space, which a list does not keep: "
                    "rename the file in the download"
                )
        text = "".join(f"{line}\n" for line in lines)
        self._path("splits", f"{split}.txt").write_text(text, encoding="utf-8")

    def splits(self, splits: Mapping[str, Sequence[str]]) -> None:
        """Write several splits: their lines by name, as `split`."""
        for split, lines in splits.items():
            self.split(split, lines)

    def boxes(
        self,
        split: str,
        images: Sequence[Mapping],
        boxes: Mapping[str, Sequence[tuple]],
        classes: Sequence[str],
    ) -> None:
        """Write a split's boxes as COCO.

        Parameters
        ----------
        images : sequence of mapping
            `file_name`, `width` and `height` of each.
        boxes : mapping of str to sequence of tuple
            By file name: (class index, x, y, width, height) in pixels.

        Raises
        ------
        ValueError
            Naming the image, for a box that is no five finite numbers, has no area, or leaves its image.
        """
        annotations: list[dict] = []
        for number, image in enumerate(images):
            for label, x, y, width, height in boxes.get(image["file_name"], ()):
                size = image["width"], image["height"]
                wrong = fault(x, y, x + width, y + height, *size)
                if wrong or label not in range(len(classes)):
                    raise ValueError(
                        f"{image['file_name']}: the box {(label, x, y, width, height)} {wrong or 'has no class'}: the "
                        f"image has {size[0]} x {size[1]} pixels. Is the table of boxes the download's?"
                    )
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=number,
                        category_id=label + 1,
                        bbox=[x, y, width, height],
                        area=width * height,
                        iscrowd=0,
                    )
                )
        content = dict(
            info={},
            images=[dict(image, id=number) for number, image in enumerate(images)],
            annotations=annotations,
            categories=[dict(id=i + 1, name=name) for i, name in enumerate(classes)],
        )
        self._path("splits", f"{split}.json").write_text(json.dumps(content))

    def cases(self) -> int:
        """Return how many images were written; the slices of a volume count as one."""
        root = self.scratch / "images"
        files = (p.relative_to(root) for p in root.rglob("*") if p.is_file())
        return len({p if p.parent == Path() else p.parent for p in files})

    def _path(self, kind: str, name: str) -> Path:
        pure = PurePosixPath(name)
        unfit = pure.as_posix() != name or pure.is_absolute() or ".." in pure.parts or "\\" in name
        if unfit or any(unicodedata.category(c) in UNPRINTABLE for c in name):
            raise ValueError(
                f"the name {plain(name)} leaves its folder, or cannot be printed: rename the file in the download"
            )
        if any(map(is_clutter, pure.parts)):  # `check` passes over hidden files
            raise ValueError(
                f"the name {plain(name)} is a hidden file's: rename the file in the download"
            )
        path = self.scratch / kind / pure
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def finish(self) -> list[str]:
        """Write meta.json; return a sentence for each problem that shows without reading an image."""
        self.meta["counts"] = {
            path.stem: len(read_lines(path)) for path in sorted(self.scratch.glob("splits/*.txt"))
        }
        self.meta["lists"] = checksums(self.scratch)
        self.meta["fingerprint"] = fingerprint(self.scratch)
        (self.scratch / "meta.json").write_text(json.dumps(self.meta, indent=1) + "\n")
        return problems_of(self.scratch)
