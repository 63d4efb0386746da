"""Read the volumes of a download and their labels on one grid, and cut them into slices."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.images import volumes
from lvmmed_backbones.images.volumes import Volume
from lvmmed_backbones.layout.reading import REMEDY, refuse_other_size, whole_numbers
from lvmmed_backbones.layout.writer import Writer

# Of a voxel: headers hold 7 digits, and quaternions lose some of them over a whole volume.
NEAR = 0.1


def read_labels(path: Path, image: Volume, image_path: Path) -> NDArray:
    """Read a volume of labels, (X, Y, Z), and bring it into line with its image by `aligned_values`.

    Values are whole numbers: within 1e-4, and a millionth of the value, since NIfTI scales by numbers of 32 bits.

    Parameters
    ----------
    image : Volume
        The image under the labels; image_path: its file, for the message.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole volume, its values are not whole, or its geometry is another.
    """
    labels = read_volume(path)
    values = Volume(whole_numbers(labels.values, path), labels.affine)
    return aligned_values(values, image, path, image_path)


def read_volume(path: Path, kind: type | None = None) -> Volume:
    """Read a volume of three axes, (X, Y, Z), and where it lies.

    Parameters
    ----------
    kind : type, optional
        Type of the values; None: the header's.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole volume of three axes, or too large.
    """
    try:
        volume = volumes.read(path, REMEDY, "is no whole volume", kind)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such volume. Is the download complete?") from None
    if volume.values.ndim != 3 or not volume.values.size:
        reason = f"a volume of three axes is expected, this one has the shape {volume.values.shape}"
        raise Refused(path, reason, "Is it the right file?")
    return volume


def aligned_values(volume: Volume, image: Volume, path: Path, image_path: Path) -> NDArray:
    """Return the values of a volume on the grid of an image, voxel by voxel; nothing is interpolated.

    The corners of both must lie within a tenth of a voxel of each other. A volume whose axes are permuted or flipped
    is turned first (nibabel.orientations). If one of the two files has no geometry, only the shapes are compared: its
    axes are taken to be the other's.

    Raises
    ------
    Refused
        Naming both geometries, if the volume lies elsewhere or has another shape.
    """
    remedy = "Do the two belong together? Save them on one grid"
    # A header may hold any numbers, which overflow, or have no inverse.
    with np.errstate(all="ignore"), refusing(path, remedy, "has no geometry to compare"):
        both = _has_geometry(volume) and _has_geometry(image)
        values = _turned(volume, image) if both else volume.values
        if values is None or values.shape != image.values.shape:
            geometry, image_geometry = _describe(volume), _describe(image)
            raise Refused(
                path, f"has {geometry}, but {image_path.name} has {image_geometry}", remedy
            )
    return values


def _turned(volume: Volume, image: Volume) -> NDArray | None:
    """Return a volume's values along the axes of an image; None if the two do not lie upon each other."""
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


def _has_geometry(volume: Volume) -> bool:
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


def _describe(volume: Volume) -> str:
    """Return shape, axes, voxel size and origin of a volume, in a few words."""
    if not np.isfinite(volume.affine).all():
        return f"the shape {volume.values.shape} and no finite geometry"
    axes = "".join(a or "?" for a in nibabel.orientations.aff2axcodes(volume.affine))
    sizes, origin = nibabel.affines.voxel_sizes(volume.affine), volume.affine[:3, 3]
    words = (" x ".join(f"{v:.4g}" for v in sizes), ", ".join(f"{v:.5g}" for v in origin))
    return f"the shape {volume.values.shape} in {axes}, voxels of {words[0]} mm from ({words[1]})"


def write_slices(
    writer: Writer, case: str, image: NDArray[np.uint8], labels: NDArray[np.uint8], source: Path
) -> list[str]:
    """Write every slice along the last axis of a volume, and give their names, CASE/000 and on.

    Parameters
    ----------
    image : ndarray
        (X, Y, Z) or (X, Y, Z, 3).
    labels : ndarray
        (X, Y, Z) class indices.
    source : Path
        The file of the labels, for the message.

    Raises
    ------
    Refused
        If the labels do not cover the image.
    """
    refuse_other_size(image, labels, source)
    names = []
    for z in range(labels.shape[2]):
        name = f"{case}/{z:03}"
        writer.mask(
            name, writer.image(name, np.ascontiguousarray(image[:, :, z])), labels[:, :, z], source
        )
        names.append(name)
    return names
