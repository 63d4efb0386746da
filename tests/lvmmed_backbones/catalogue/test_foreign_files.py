"""Files in the catalogue's folders that others made: data that chooses among our architectures, and no more."""

from __future__ import annotations

import json
import os
import random
import socket
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lvmmed_backbones
from lvmmed_backbones.catalogue.exported import KEY, read_entry, read_facts
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import CLASSES, Backbone, from_config
from tests.spoiling import spoilt_bytes

SOUND = {
    "schema": 2,
    "architecture": "ResNet-18",
    "method": "mine",
    "config": {"type": "Backbone", "model_name": "resnet18"},
    "channels": [64, 128, 256, 512],
    "vector_channels": 512,
    "mean": [1.0, 2.0, 3.0],
    "std": [4.0, 5.0, 6.0],
    "corpus": {"name": "ours", "images": 3, "fingerprint": "f" * 64},
}


def shelve(folder: Path, facts: object, name: str = "mine") -> Path:
    text = facts if isinstance(facts, str) else json.dumps(facts)
    file = folder / f"{name}.safetensors"
    metadata = None if facts is None else {KEY: text}
    save_file({"conv1.weight": torch.zeros(1)}, file, metadata=metadata)
    return file


def config(**arguments) -> dict:
    return SOUND | {"config": {"type": "Backbone", "model_name": "resnet18"} | arguments}


@pytest.fixture(autouse=True)
def no_network(monkeypatch) -> None:
    """Whatever asks for the network fails the test."""

    def refuse(self, address) -> None:
        raise AssertionError(f"a request to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_sound_facts_are_read(tmp_path: Path) -> None:
    entry = read_entry(shelve(tmp_path, SOUND))
    assert (entry.mean, entry.std) == ((1, 2, 3), (4, 5, 6))
    assert entry.corpus == f"ours, 3 images, fingerprint {'f' * 12}"


HOSTILE = {
    "none": (None, "is not a backbone that"),
    "no config": ({"schema": 1}, "missing required field `architecture`"),
    "newer": (SOUND | {"schema": 4}, "has schema 4, known is up to 3"),
    "a list": ([1], "is not a backbone that"),
    "brackets": ("[" * 100_000, "is not a backbone that"),
    "a class by its path": (SOUND | {"config": {"type": "mmengine.Runner"}}, "wants to build"),
    "a function": (SOUND | {"config": {"type": "subprocess.run", "args": ["id"]}}, "wants to bui"),
    "another registered class": (SOUND | {"config": {"type": "ResNet", "depth": 50}}, "wants to"),
    "a URL": (
        config(init_cfg={"type": "Pretrained", "checkpoint": "http://example.org/w.pth"}),
        "has the argument 'init_cfg', which no file may give",
    ),
    "weights of another file": (config(weights={"file": "/etc/passwd"}), "'weights', which no"),
    "a nested path": (config(norm_cfg={"type": "os.system"}), "wants to build a 'os.system'"),
    "a nested init_cfg": (config(norm_cfg={"type": "BN", "init_cfg": {}}), "'init_cfg', which no"),
    "imports": (config(custom_imports={"imports": ["this"]}), "'custom_imports', which no file"),
    "code in a key": (config(**{"a': __import__('os').system('id'), 'b": 1}), "which no file may"),
    "escapes in a value": (config(style="\x1b[2J"), "which is no name"),
    "huge": (config(stem_channels=10**9), "of 1000000000, which no architecture has"),
    "infinite": (
        json.dumps(config(depth=18)).replace('"depth": 18', '"depth": 1e999'),
        "is not a backbone|no architecture has",
    ),
    "deep": (config(a={"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}), "nested more than"),
    "timm's hub": (
        SOUND | {"config": {"type": "Backbone", "model_name": "hf-hub:timm/resnet18"}},
        "wants timm's model 'hf-hub:timm/resnet18'",
    ),
    "timm's weights": (
        SOUND | {"config": {"type": "Backbone", "model_name": "resnet18", "pretrained": True}},
        "'pretrained', which no file",
    ),
    "escapes in facts": (SOUND | {"method": "\x1b]0;owned\x07"}, "method is .*, not a printable"),
    "escapes in a corpus": (SOUND | {"corpus": {"name": "\x1b[2J"}}, "corpus is .*not a print"),
    "a text for a number": (SOUND | {"vector_channels": "512"}, "Expected `int`"),
    "a deviation of 0": (SOUND | {"std": [1.0, 0.0, 1.0]}, "normalise no image"),
    "no deviation": (json.dumps(SOUND).replace("4.0", "NaN"), "is not a backbone that"),
}


@pytest.mark.parametrize(("facts", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_file_asks_for_nothing_but_an_architecture(tmp_path: Path, facts, words: str) -> None:
    with pytest.raises(Refused, match=rf"mine\.safetensors: .*({words})") as error:
        read_entry(shelve(tmp_path, facts))
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "arguments", [{"model_name": "resnet17"}, {"frozen_stages": "a"}, {"nonsense": 1}]
)
def test_arguments_that_the_architecture_does_not_take(
    tmp_path: Path, arguments, capsys, monkeypatch
) -> None:
    """They pass as plain data, and end in one line when the backbone is built."""
    from lvmmed_backbones.catalogue.architectures import output_channels

    facts = config(**arguments)
    with pytest.raises(Refused, match=r"mine\.safetensors: asks for .*, which cannot be built"):
        output_channels(facts["config"], shelve(tmp_path, facts))


def test_a_class_that_this_process_registered_may_be_asked_for(tmp_path: Path, monkeypatch) -> None:
    class Registered(Backbone):
        """A user's own."""

    monkeypatch.setitem(CLASSES, "Registered", Registered)
    facts = SOUND | {"config": {"type": "Registered", "model_name": "resnet18"}}
    assert read_entry(shelve(tmp_path, facts)).config["type"] == "Registered"


def test_list_shows_the_others_and_ends_with_1(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    shelve(tmp_path, SOUND | {"method": "[red]mine[/red] [link=http://x]y"}, "marked_up")
    shelve(tmp_path, SOUND | {"method": "\x1b[2J"}, "escapes")
    shelve(tmp_path, SOUND, "evil\x1b[2Jname")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0")
    (tmp_path / "empty.safetensors").touch()
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "fifo.safetensors")
    (tmp_path / "dangling.safetensors").symlink_to("nowhere")
    assert main(["list"]) == 1
    said = capsys.readouterr()
    assert "[red]mine[/red] [link=http://x]y" in said.out and "random_resnet50" in said.out
    problems = said.err.splitlines()
    assert len(problems) == 7 and all(line.startswith("error: ") for line in problems)
    assert "\x1b" not in said.out + said.err
    for name in ("escapes", "cut", "empty", "folder", "fifo", "dangling", "evil\\x1b[2Jname"):
        assert any(f"{name}.safetensors" in line for line in problems), name


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([*SOUND, "steps", "seed", "training", "licence", "config.type", "config.depth", "config.x"]),
)  # fmt: skip
def test_any_value_in_any_place_is_a_right_result_or_one_line(
    tmp_path_factory, value, place: str
) -> None:
    facts = json.loads(json.dumps(SOUND))
    key, _, inner = place.partition(".")
    if inner:
        facts[key][inner] = value
    else:
        facts[key] = value
    file = shelve(tmp_path_factory.mktemp("facts"), facts)
    try:
        found = read_facts(file)
    except Refused as error:
        assert str(file) in str(error) and str(error).isprintable()
    else:
        again = getattr(found, key)
        expected = (
            tuple(facts[key])
            if isinstance(facts[key], list) and key in ("mean", "std", "channels")
            else facts[key]
        )
        assert again == expected or again != again


@pytest.fixture
def whole(tmp_path: Path, monkeypatch) -> Path:
    """A sound file of a small ResNet, in the user's catalogue."""
    small = {"type": "Backbone", "model_name": "scaled_resnet", "depth": 18}
    small |= {"stem_channels": 4, "base_channels": 4}
    facts = SOUND | {"config": small, "channels": [4, 8, 16, 32], "vector_channels": 32}
    file = tmp_path / "mine.safetensors"
    model = from_config(small)
    state = {own: model.state_dict()[name] for name, own in model.own_names().items()}
    save_file(state, file, metadata={KEY: json.dumps(facts)})
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    return file


def test_several_hundred_damaged_files(whole: Path) -> None:
    """Bytes changed, cut off or put in: what loads is what safetensors' own reader gives, everything else one line."""
    content = whole.read_bytes()
    rng, header = random.Random(0), 8 + int.from_bytes(content[:8], "little")
    loaded = 0
    for _ in range(300):
        whole.write_bytes(spoilt_bytes(content, rng, header))
        try:
            state = lvmmed_backbones.build("mine").state_dict()
        except ValueError as error:
            assert str(whole) in str(error) and str(error).isprintable()
        else:
            loaded += 1
            expected = load_file(whole)
            assert all(
                torch.equal(value, expected.get(n.removeprefix("network."), value))
                for n, value in state.items()
            )
    assert 50 < loaded < 250


def test_a_list_of_several_hundred_damaged_files(whole: Path, capsys) -> None:
    """Each is shown with its facts, or named in a line."""
    content = whole.read_bytes()
    rng, header = random.Random(1), 8 + int.from_bytes(content[:8], "little")
    files = [whole.with_name(f"d{number:03}.safetensors") for number in range(300)]
    for file in files:
        file.write_bytes(spoilt_bytes(content, rng, header))
    assert main(["list", "--json"]) == 1
    said = capsys.readouterr()
    shown = {one["name"]: one for one in json.loads(said.out)}
    problems = said.err.splitlines()
    assert all(line.startswith("error: ") and line.isprintable() for line in problems)
    refused = [f for f in files if any(str(f) in line for line in problems)]
    assert len(refused) == len(problems) and 30 < len(refused) < 200
    for file in {*files} - {*refused}:
        with safe_open(file, "numpy") as opened:
            facts = json.loads(opened.metadata()[KEY])
        one = shown[file.stem]
        assert (one["mean"], one["std"]) == (facts["mean"], facts["std"])


def test_an_architecture_is_named_by_what_it_is_built_with() -> None:
    from lvmmed_backbones.catalogue.architectures import architecture_name

    for arguments, words in (
        (dict(model_name="resnet50"), "ResNet-50"),
        (dict(model_name="scaled_resnet", depth=18, base_channels=32), "ResNet-18, width 0.5"),
        (dict(model_name="sam_vit_b"), "SAM ViT-B/16"),
        (dict(model_name="sam_vit_b", embed_dim=192), "SAM ViT"),
        (dict(model_name="convnext_atto"), "convnext_atto"),
    ):
        assert architecture_name({"type": "Backbone", **arguments}) == words
    assert architecture_name({"type": "Registered"}) == "Registered"
