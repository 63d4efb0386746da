"""Folders of other people: clutter, links that lead in, out and in circles; generated trees against a plain search."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from lvmmed_backbones.corpus.building import Options, Unit, images_of
from lvmmed_backbones.files.folders import is_clutter, states, walk
from lvmmed_backbones.files.outside import Refused


@pytest.mark.parametrize(
    ("name", "is_one"),
    [(".DS_Store", True), ("._a.png", True), ("Thumbs.db", True), ("THUMBS.DB", True), ("desktop.ini", True),
     ("__MACOSX", True), (".git", True), ("a.png", False), ("_a.png", False), ("a.", False), ("thumbs.db.png", False)],
)  # fmt: skip
def test_clutter(name: str, is_one: bool) -> None:
    assert is_clutter(name) == is_one


def test_what_is_walked(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in (
        "a/1.png",
        "a/._1.png",
        "a/b/2.png",
        ".hidden/c/3.png",
        "__MACOSX/4.png",
        "out/5.png",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "elsewhere").mkdir()
    for link, target in (
        ("again", "a"), ("a/circle", ".."), ("shown", ".hidden/c"), ("away", "../elsewhere"), ("nowhere", "x"),
        ("file", "a/1.png"), ("self", "self"), ("to out", "out"),
    ):  # fmt: skip
        (root / link).symlink_to(target)
    names = ["a/1.png", "a/b/2.png", "away", "file", "nowhere", "self", "shown/3.png"]
    assert sorted(walk(root, root / "out")) == names
    linked = tmp_path / "linked"
    linked.symlink_to(root)
    assert sorted(walk(linked, linked / "out")) == names
    links = {"again", "a/circle", "shown", "to out"}
    assert set(walk(root, root / "out", links_too=True)) == {*names, *links}


def test_names_that_are_no_utf_8_are_walked(tmp_path: Path) -> None:
    (tmp_path / "a\udcff").mkdir()
    (tmp_path / "a\udcff" / "b\udcfe.png").touch()
    (name,) = walk(tmp_path)
    assert os.fsencode(name) == b"a\xff/b\xfe.png"
    (state,) = states(tmp_path, [name])
    assert (state.size, state.target, state.regular) == (0, "", True)


def test_a_folder_that_cannot_be_read_is_given_itself(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c.png").touch()
    scan = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(
        Refused, match=r"/a: cannot be read \(Permission denied\)\. Make it readable"
    ):
        list(walk(tmp_path / "a"))
    assert sorted(walk(tmp_path)) == ["a", "c.png"]
    _, reasons = read_reasons(tmp_path)
    assert reasons == ["is a folder that cannot be read. Make it readable", "empty file"]


def read_reasons(folder: Path) -> tuple[list, list[str]]:
    """What a corpus takes of a folder, and why it takes no more."""
    taken, reasons = [], []
    for file in sorted(walk(folder)):
        images, skipped = images_of(Unit(0, "", folder, (file,), Options()), file)
        taken += images
        reasons += [row["reason"] for row in skipped]
    return taken, reasons


def grow(root: Path, rng: random.Random) -> None:
    """A random tree of files, folders, clutter and links."""
    folders = [root]
    for number in range(rng.randint(1, 14)):
        where = rng.choice(folders)
        name = rng.choice(["", "", "", ".", "._"]) + f"{number}"
        path = where / name
        way = rng.random()
        if way < 0.35:
            path.mkdir()
            folders.append(path)
        elif way < 0.65:
            path.touch()
        else:
            there = [p for p in root.rglob("*") if not p.is_symlink()]
            targets = [
                *there,
                *folders,
                root,
                root.parent,
                root.parent / "elsewhere",
                path,
                Path("x"),
            ]
            path.symlink_to(rng.choice(targets))


def test_generated_trees(tmp_path: Path) -> None:
    """300: every file that is not hidden is given, once; nothing hidden, and nothing of elsewhere, is walked."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    for seed in range(300):
        root = tmp_path / str(seed) / "root"
        root.mkdir(parents=True)
        grow(root, random.Random(seed))
        names = list(walk(root))
        assert len(set(names)) == len(names)
        assert not any(is_clutter(part) for name in names for part in Path(name).parts)
        assert not any(name.endswith("secret") for name in names)
        plain = {
            os.path.join(os.path.relpath(parent, root), name).removeprefix("./")
            for parent, _, found in os.walk(root)
            for name in found
            if not any(map(is_clutter, Path(parent, name).relative_to(root).parts))
        }
        assert plain <= set(names), seed  # links to folders are not among os.walk's files
        real = [os.path.realpath(root / name) for name in names if not (root / name).is_symlink()]
        assert len(set(real)) == len(real)
        assert len(list(states(root, names))) == len(names)
        for link in (p for p in root.rglob("*") if p.is_symlink() and p.is_dir()):
            relative = str(link.relative_to(root))
            if any(map(is_clutter, Path(relative).parts)):
                continue
            inside = link.resolve().is_relative_to(root)
            assert (relative in names) != inside
            for file in link.iterdir() if inside else ():
                if file.is_file() and not file.is_symlink() and not is_clutter(file.name):
                    assert os.path.realpath(file) in real
