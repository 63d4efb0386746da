"""Features on the disk: appended, cut off after a kill, shared by processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lvmmed_backbones.evaluation.store import KEYS, META, ROWS, SUMS, FeatureStore
from lvmmed_backbones.files.outside import Refused

ROW_VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)
NAMES = [bytes([number]) * 16 for number in range(4)]


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    store = FeatureStore(tmp_path / "features", (3,))
    with store.locked():
        store.begin({"encoder": "x"})
        store.append(NAMES[:2], ROW_VALUES[:2])
        store.append(NAMES[2:], ROW_VALUES[2:])
    return store


def test_rows_come_back_in_any_order(store: FeatureStore) -> None:
    known = store.keys()
    assert known == {name: number for number, name in enumerate(NAMES)}
    np.testing.assert_array_equal(store.rows([3, 0]), ROW_VALUES[[3, 0]])
    assert isinstance(store.mapped(), np.memmap)
    assert store.read_meta() == {"encoder": "x", "shape": [3], "dtype": "float32"}


@pytest.mark.parametrize(
    ("file", "kept"), [(ROWS, 5), (KEYS, 7), (SUMS, 3), (ROWS, 12 * 2 + 1), (KEYS, 16), (SUMS, 9)]
)
def test_what_a_kill_leaves_does_not_count_and_is_cut_off(
    store: FeatureStore, file: str, kept: int
) -> None:
    path = store.folder / file
    os.truncate(path, kept)
    known = store.keys()
    whole = kept // {ROWS: 12, SUMS: 4, KEYS: 16}[file]
    assert list(known.values()) == list(range(whole))
    with store.locked():
        store.append([b"n" * 16], np.full((1, 3), 9, np.float32))
    assert store.keys()[b"n" * 16] == whole
    np.testing.assert_array_equal(store.rows([whole]), [[9, 9, 9]])


def test_rows_without_keys_are_cut_off(store: FeatureStore) -> None:
    with (store.folder / ROWS).open("ab") as file:
        file.write(b"\1" * 30)
    with store.locked():
        store.append([b"n" * 16], np.full((1, 3), 9, np.float32))
    np.testing.assert_array_equal(store.rows(range(5))[:4], ROW_VALUES)
    np.testing.assert_array_equal(store.rows([4]), [[9, 9, 9]])


def test_a_killed_writer_leaves_what_it_appended(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from lvmmed_backbones.evaluation.store import FeatureStore
store = FeatureStore(Path(sys.argv[1]), (1000,))
with store.locked():
    store.begin({})
    for number in range(10_000):
        store.append([number.to_bytes(16, "big")], np.full((1, 1000), number, np.float32))
        print(number, flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "f")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) == 20:
            break
    child.send_signal(signal.SIGKILL)
    child.wait()
    store = FeatureStore(tmp_path / "f", (1000,))
    known = store.keys()
    assert len(known) > 20
    for key, row in known.items():
        assert (store.rows([row]) == int.from_bytes(key, "big")).all()


def test_a_row_that_differs_from_its_checksum_is_named_when_it_is_read(store: FeatureStore) -> None:
    with (store.folder / ROWS).open("r+b") as file:
        file.seek(2 * 12 + 5)
        file.write(b"\x77")
    np.testing.assert_array_equal(store.rows([0, 1, 3]), ROW_VALUES[[0, 1, 3]])
    rows = store.stored([3, 2, 0])
    np.testing.assert_array_equal(rows[0], ROW_VALUES[3])
    for wanted in (1, slice(None), [0, 1], [False, True, True]):
        with pytest.raises(
            Refused, match=r"rows\.bin: is damaged: row 2 differs.*Delete"
        ) as caught:
            rows[wanted]
        assert "\n" not in str(caught.value)


def test_another_shape_or_a_damaged_meta_is_refused(store: FeatureStore) -> None:
    with pytest.raises(Refused, match=r"is not of rows \(4,\) float32"):
        FeatureStore(store.folder, (4,)).read_meta()
    (store.folder / META).write_text("{")
    with pytest.raises(Refused, match="is no whole JSON file"):
        store.read_meta()


def test_rows_of_another_length_are_refused(store: FeatureStore) -> None:
    with store.locked(), pytest.raises(ValueError, match=r"1 images have rows of shape \(2,\)"):
        store.append([b"n" * 16], np.zeros((1, 2), np.float32))
