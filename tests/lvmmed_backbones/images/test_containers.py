"""Files of named arrays: the images among them are taken, what is none is passed over."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from lvmmed_backbones.corpus.reading import NotAnImage, Picture, pictures
from tests.factories import blobs

IMAGE = blobs(40, 48)
STACK = np.stack([blobs(40, 48, seed=s) for s in range(3)])
OTHERS: dict[str, np.ndarray] = {
    "a name": np.array("abc"), "names": np.array(["a", "b"] * 20), "a number": np.array(7), "a row": np.arange(100.0),
    "nothing": np.zeros((0, 40, 48)), "constant": np.full((40, 48), 3.5), "not numbers": np.full((40, 48), np.nan),
    "complex": np.ones((40, 48), complex), "truths": np.eye(40, dtype=bool), "small": np.arange(64.0).reshape(8, 8),
    "label": np.arange(40 * 48.0).reshape(40, 48), "rows": np.zeros((40, 48), [("x", "f4"), ("y", "i2")]),
    "five axes": np.random.default_rng(0).random((2, 2, 2, 20, 20)), "few": np.arange(40 * 48).reshape(40, 48) % 5,
}  # fmt: skip


def taken(path: Path) -> dict[str, np.ndarray]:
    found = list(pictures(path, Path(path.name), -1))
    return {one.part: one.pixels for one in found if isinstance(one, Picture)}


@pytest.mark.parametrize("name", ["a.npz", "a.NPZ"])
def test_the_images_of_an_npz_file(name: str, tmp_path: Path) -> None:
    others = OTHERS | {"objects": np.array([{"a": 1}, None] * 20, object)}
    np.savez_compressed(tmp_path / "b.npz", image=IMAGE, stack=STACK, **others)
    (tmp_path / "b.npz").rename(tmp_path / name)
    found = taken(tmp_path / name)
    assert sorted(found) == ["image", "stack 0", "stack 1", "stack 2"]
    assert np.array_equal(found["image"], IMAGE) and np.array_equal(found["stack 2"], STACK[2])


@pytest.mark.parametrize("name", ["a.h5", "a.HDF5", "a.H5"])
def test_the_images_of_an_hdf5_file(name: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / name, "w") as file:
        file["deep/image"], file["stack"] = IMAGE, STACK
        for key, value in OTHERS.items():
            if value.dtype.kind != "U":
                file[f"others/{key}"] = value
        file["texts"] = ["a", "b"]
        file["empty"] = h5py.Empty("f4")
        file["ragged"] = np.array([np.arange(3), np.arange(5)], dtype=h5py.vlen_dtype(np.int32))
        file["reference"] = file["stack"].ref
        file["gone"] = h5py.SoftLink("/nowhere")
        file["again"] = h5py.SoftLink("/deep")
    found = taken(tmp_path / name)
    assert {"deep/image", "stack 0", "stack 1", "stack 2"} == set(found)
    assert np.array_equal(found["deep/image"], IMAGE)


def test_a_file_without_an_image_says_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **OTHERS)
    with pytest.raises(NotAnImage, match="no array in it is an image"):
        taken(tmp_path / "a.npz")
    np.save(tmp_path / "b.npy", np.full((40, 48), 3.5))
    with pytest.raises(NotAnImage, match="no array in it is an image"):
        taken(tmp_path / "b.npy")
