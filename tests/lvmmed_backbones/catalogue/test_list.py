"""The catalogue and its command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lvmmed_backbones import catalogue


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "lvmmed_backbones", *words], capture_output=True, text=True
    )


def test_list_shows_every_backbone_with_every_fact() -> None:
    done = run("list")
    assert done.returncode == 0
    for name in catalogue.names():
        entry = catalogue.get(name)
        assert name in done.stdout
        assert entry.licence in done.stdout
        if entry.weights and entry.weights.sha256:
            assert entry.weights.sha256[:8] in done.stdout


def test_list_as_json() -> None:
    facts = {fact["name"]: fact for fact in json.loads(run("list", "--json").stdout)}
    assert set(facts) == set(catalogue.names())
    assert facts["imagenet_efficientnet_lite0"]["weights"]["here"]
    assert facts["random_resnet50"]["weights"] is None
    assert facts["lvmmed_resnet50"]["weights"]["sha256"] is None


@pytest.mark.parametrize("words", [[], ["list"]])
def test_help(words: list[str]) -> None:
    done = run(*words, "--help")
    assert done.returncode == 0
    assert "usage" in done.stdout


def test_wrong_words() -> None:
    assert run("lst").returncode == 2


def test_an_unknown_backbone_is_named_with_what_comes_close() -> None:
    with pytest.raises(ValueError, match=r"'lvmed_resnet50'.*did you mean lvmmed_resnet50"):
        catalogue.get("lvmed_resnet50")
