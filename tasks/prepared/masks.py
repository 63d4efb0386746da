"""Read masks and label volumes as they are stored: nothing is scaled, rounded or guessed.

An image may be converted and its intensities mapped. A mask may not: a value that stands for no class, a colour, an
alpha channel or another geometry says that the file is not what it should be, and a guess would make it plausible.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lvmmed_backbones.images import photos, volumes
from lvmmed_backbones.images.volumes import Volume
from lvmmed_backbones.outside import Refused, refusing
from tasks.prepared.images import REMEDY

ORIGINAL = "Use the original file"
WHITE = {1, 255, 65535}  # of 1, 8 and 16 bits
GREY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")
# Of a thresholded mask: the grey levels that are neither black nor white, and how many pixels may have them.
# Kvasir-SEG's masks have at most 0.6 %, its photographs at least 23 %.
BETWEEN, FEW = (50, 205), 0.05
TINTED = 16  # grey levels between the channels of a grey image that JPEG stored in colour
# Of a voxel: headers hold 7 digits, and quaternions lose some of them over a whole volume.
NEAR = 0.1


def read_mask(path: Path, threshold: int | None = None) -> NDArray[np.bool_]:
    """A two-valued mask, (H, W), from the values that are stored; `stored_values` has the rules.

    Args:
        threshold: for masks of 8 bits that were compressed with loss: larger values are foreground. None: only 0 and
            one of 1, 255 and 65535 may occur.

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole image, has other values, or, with a threshold, more than 5 % of them are neither
            black nor white: then it is a photograph.
    """
    mask = read_stored(path, tinted=0 if threshold is None else TINTED)
    if threshold is None:
        values = distinct(mask)
        if len(set(values) - {0}) > 1 or not set(values) <= {0, *WHITE}:
            reason = f"a mask of 0 and 255 (or 1) has the values {values[:6]}"
            raise Refused(path, reason, f"Was it resampled or saved as JPEG? {ORIGINAL}")
        return mask > 0
    if mask.max() > 255:
        raise Refused(path, f"has the value {mask.max()}, in place of 0 to 255", ORIGINAL)
    between = float(np.mean((mask >= BETWEEN[0]) & (mask <= BETWEEN[1])))
    if between > FEW:
        reason = f"{between:.0%} of a mask of 0 and 255 have values of {BETWEEN[0]} to {BETWEEN[1]}"
        raise Refused(path, reason, "Is it a photograph in place of a mask?")
    return mask > threshold


def read_classes(path: Path) -> NDArray:
    """A mask of class indices, (H, W), from the values that are stored.

    Raises:
        FileNotFoundError, Refused: as `read_mask`, for any values.
    """
    return read_stored(path)


def read_stored(path: Path, tinted: int = 0) -> NDArray:
    """What `stored_values` takes from a file."""
    try:
        return photos.first(
            path, lambda image: stored_values(path, image, tinted), REMEDY, "is no whole image"
        )
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None


def stored_values(path: Path, image: Image.Image, tinted: int = 0) -> NDArray:
    """The values of a mask's file, (H, W), whole numbers, upright as the file says.

    A palette stands for its greys; one of black and a single other colour stands for 0 and 255. Colour must be grey.
    One bit stands for 0 and 255.

    Args:
        tinted: grey levels by which the channels of a grey image may differ; the largest counts.

    Raises:
        Refused: for colours, for an alpha that is not opaque, for several frames, and for values that are not whole.
    """
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise Refused(path, f"holds {frames} images, in place of one mask", "Save its mask alone")
    image.load()  # before the orientation: Pillow turns a TIFF itself, and PNG may say it behind the pixels
    ImageOps.exif_transpose(image, in_place=True)
    if not opaque(image):
        remedy = "Is the mask in the alpha channel? Save it as a grey image without alpha"
        raise Refused(path, "is not opaque everywhere", remedy)
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8) * 255
    if image.mode in GREY:
        return whole(np.asarray(image), path)
    if image.mode in ("P", "PA"):
        return painted(path, image)
    if image.mode in ("LA", "La"):
        return np.asarray(image.getchannel(0))
    if image.mode not in ("RGB", "RGBA", "RGBa", "RGBX"):
        raise Refused(path, f"is an image of {image.mode}, in place of a grey mask", ORIGINAL)
    colours = np.asarray(image)[..., :3]
    apart = int((colours.max(axis=2) - colours.min(axis=2)).max())
    if apart > tinted:
        reason = f"is coloured: its red, green and blue differ by {apart} grey levels"
        raise Refused(path, reason, f"A mask is grey: {ORIGINAL.lower()}")
    return colours.max(axis=2)


def opaque(image: Image.Image) -> bool:
    """Whether no pixel of an image is transparent, by a channel or by a value that stands for transparent."""
    if image.getbands()[-1] in ("A", "a"):
        return image.getchannel(len(image.getbands()) - 1).getextrema() == (255, 255)
    clear = image.info.get("transparency")
    if clear is None:
        return True
    if isinstance(clear, bytes):  # of a palette, an alpha for each index
        indices = np.flatnonzero(np.frombuffer(clear, np.uint8) < 255)
        return not np.isin(np.asarray(image), indices).any()
    pixels = np.asarray(image).reshape(*image.size[::-1], -1)
    return not (pixels == np.asarray(clear)).all(axis=2).any()


def painted(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    """The greys of an image with a palette, (H, W); 0 and 255 for black and one other colour.

    Raises:
        Refused: for other colours.
    """
    indices = np.asarray(image if image.mode == "P" else image.getchannel(0))
    palette = np.array(image.getpalette() or (), np.uint8).reshape(-1, 3)
    used = distinct(indices)
    if used[-1] >= len(palette):
        raise Refused(path, f"has no colour {used[-1]} in its palette", REMEDY)
    paints = np.unique(palette[used], axis=0)
    if (paints == paints[:, :1]).all():
        return palette[indices, 0]
    if len(paints) == 2 and not paints[0].any():
        return np.where(palette.any(axis=1), 255, 0).astype(np.uint8)[indices]
    raise Refused(
        path,
        f"is painted in {len(paints)} colours, such as {tuple(paints[-1].tolist())}, not in greys",
        ORIGINAL,
    )


def read_labels(path: Path, image: Volume, image_path: Path) -> NDArray:
    """A volume of labels, (X, Y, Z), brought into line with its image by `aligned`.

    Values are whole numbers: within 1e-4, and a millionth of the value, since NIfTI scales by numbers of 32 bits.

    Args:
        image: that the labels lie over; image_path: its file, for the message.

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole volume, its values are not whole, or its geometry is another.
    """
    labels = read_volume(path)
    values = Volume(whole(labels.values, path), labels.affine)
    return aligned(values, image, path, image_path)


def read_volume(path: Path, kind: type | None = None) -> Volume:
    """A volume of three axes, (X, Y, Z), and where it lies.

    Args:
        kind: of the values; None: the header's.

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole volume of three axes, or too large.
    """
    try:
        volume = volumes.read(path, REMEDY, "is no whole volume", kind)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such volume. Is the download complete?") from None
    if volume.values.ndim != 3 or not volume.values.size:
        reason = f"a volume of three axes is expected, this one has the shape {volume.values.shape}"
        raise Refused(path, reason, "Is it the right file?")
    return volume


def whole(values: NDArray, path: Path) -> NDArray:
    """Values that are whole numbers, within 1e-4 and a millionth of the value; integers stay as they are.

    Raises:
        Refused: naming the first value that is none.
    """
    if values.dtype.kind in "bui":
        return values
    if values.dtype.kind != "f":
        raise Refused(path, f"has values of {values.dtype}, in place of labels", ORIGINAL)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        nearest = np.rint(values)
        near = np.abs(values - nearest) <= 1e-4 + 1e-6 * np.abs(nearest)
    near &= np.abs(nearest) < 2**31
    if not near.all():
        reason = f"has the value {values[~near][0]:.6g}, which is no whole label"
        raise Refused(path, reason, f"Was it resampled? {ORIGINAL}")
    return nearest.astype(np.int32)


def aligned(volume: Volume, image: Volume, path: Path, image_path: Path) -> NDArray:
    """The values of a volume on the grid of an image: voxel by voxel, nothing is interpolated.

    The corners of both must lie within a tenth of a voxel of each other. A volume whose axes are permuted or flipped
    is turned first (nibabel.orientations). If one of the two files has no geometry, only the shapes are compared: its
    axes are taken to be the other's.

    Raises:
        Refused: naming both geometries, if the volume lies elsewhere or has another shape.
    """
    remedy = "Do the two belong together? Save them on one grid"
    # A header holds any numbers: they overflow, or have no inverse.
    with np.errstate(all="ignore"), refusing(path, remedy, "has no geometry to compare"):
        both = has_geometry(volume) and has_geometry(image)
        values = turned(volume, image) if both else volume.values
        if values is None or values.shape != image.values.shape:
            here, there = described(volume), described(image)
            raise Refused(path, f"has {here}, but {image_path.name} has {there}", remedy)
    return values


def turned(volume: Volume, image: Volume) -> NDArray | None:
    """A volume's values along the axes of an image; None if the two do not lie upon each other."""
    across = np.linalg.solve(image.affine, volume.affine)  # from voxels to the image's voxels
    if not np.isfinite(across).all() or abs(np.linalg.det(across)) < 1e-9:
        return None
    orientation = nibabel.orientations.io_orientation(across)
    if not np.isfinite(orientation).all():
        return None
    values = nibabel.orientations.apply_orientation(volume.values, orientation)
    back = nibabel.orientations.inv_ornt_aff(orientation, volume.values.shape)
    corners = np.stack(np.meshgrid(*((0, n - 1) for n in values.shape))).reshape(3, 8)
    places = (across @ back @ np.vstack([corners, np.ones(8)]))[:3]
    return values if np.abs(places - corners).max() <= NEAR else None


def has_geometry(volume: Volume) -> bool:
    """Whether a volume's header says where it lies.

    It does not if its affine is the identity, as programs without geometry write it, or the one that nibabel makes up
    for a file whose codes of both affines are 0: the voxels' sizes, centred, with the first axis to the left.
    """
    shape, affine = volume.values.shape, volume.affine
    sizes = np.abs(np.diag(affine)[:3])
    if np.allclose(np.abs(affine), np.eye(4), atol=1e-6):
        return False
    made_up = np.diag([-sizes[0], *sizes[1:], 1.0])
    made_up[:3, 3] = -(np.array(shape[:3]) - 1) / 2 * np.diag(made_up)[:3]
    return not np.allclose(affine, made_up, rtol=1e-5, atol=1e-4)


def described(volume: Volume) -> str:
    """Shape, axes, voxel size and origin of a volume, in a few words."""
    if not np.isfinite(volume.affine).all():
        return f"the shape {volume.values.shape} and no finite geometry"
    axes = "".join(a or "?" for a in nibabel.orientations.aff2axcodes(volume.affine))
    sizes, origin = nibabel.affines.voxel_sizes(volume.affine), volume.affine[:3, 3]
    words = (" x ".join(f"{v:.4g}" for v in sizes), ", ".join(f"{v:.5g}" for v in origin))
    return f"the shape {volume.values.shape} in {axes}, voxels of {words[0]} mm from ({words[1]})"


def label_map(labels: NDArray, values: Mapping[int, int], path: Path) -> NDArray[np.uint8]:
    """Replace a download's label values by class indices.

    Args:
        labels: whole numbers.
        values: class index by value; the value 0 stays 0.

    Raises:
        Refused: naming the file and the values that are unknown.
    """
    labels = whole(labels, path)
    unknown = sorted(set(distinct(labels)) - {0, *values})
    if unknown:
        reason = f"has the unknown labels {unknown[:6]}: expected 0 and {sorted(values)}"
        raise Refused(path, reason, "Is it the right file?")
    result = np.zeros(labels.shape, np.uint8)
    for value, index in values.items():
        result[labels == value] = index
    return result


def distinct(labels: NDArray) -> list[int]:
    """The values that occur, sorted; counted where they are small, since to sort a volume takes seconds."""
    if labels.dtype.itemsize > 2 and not 0 <= labels.min() <= labels.max() <= 65535:
        return np.unique(labels).tolist()
    lowest = int(labels.min())
    return (np.flatnonzero(np.bincount(labels.ravel().astype(np.int64) - lowest)) + lowest).tolist()


def same_size(image: NDArray, mask: NDArray, path: Path) -> None:
    """Raise Refused if a mask does not cover its image: (H, W) of (H, W, 3), or (X, Y, Z) of (X, Y, Z, 3)."""
    size = image.shape[: mask.ndim]
    if size != mask.shape:
        reason = f"the mask has the size {mask.shape}, its image {size}"
        raise Refused(path, reason, "Do the two belong together?")
