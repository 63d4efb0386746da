"""Files of a hub on this machine: fetched, cached, resumed, refused; each in a process with its own settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lvmmed_backbones.weights.hub import check_name
from tests.lvmmed_backbones.weights.hub_server import COMMIT, Hub

CODE = """
import sys
from lvmmed_backbones.weights import hub
try:
    path = hub.fetch(*sys.argv[1:])
    print(hub.commit_of(path), path)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(files={"org/net": {"w.bin": bytes(range(256)) * 96_000}}).running() as running:
        yield running


def fetched(hub: Hub, cache: Path, *asked: str, **settings: str) -> tuple[str, str]:
    """The output and the error of a process that fetches."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        **settings,
    }
    environment.pop("HF_TOKEN", None)
    command = [sys.executable, "-c", CODE, *asked]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]


def test_a_file_is_fetched_once_and_then_offline(hub: Hub, tmp_path: Path) -> None:
    output, _ = fetched(hub, tmp_path, "org/net", "w.bin")
    commit, path = output.split()
    assert commit == COMMIT
    assert Path(path).read_bytes() == hub.files["org/net"]["w.bin"]
    assert fetched(hub, tmp_path, "org/net", "w.bin", "v1")[0] == output
    assert fetched(hub, tmp_path, "org/net", "w.bin", HF_HUB_OFFLINE="1")[0] == output
    assert hub.served == [("w.bin", 0)]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    hub.breaks_after = 15_000_000
    output, error = fetched(hub, tmp_path, "org/net", "w.bin")
    if not output:  # whether the library itself tries again, or the next call does
        assert "ConnectionError: w.bin of org/net@main cannot be fetched" in error
        output, _ = fetched(hub, tmp_path, "org/net", "w.bin")
    assert Path(output.split()[1]).read_bytes() == hub.files["org/net"]["w.bin"]
    assert len(hub.served) == 2 and 10_000_000 <= hub.served[1][1] <= 15_000_000


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("org/other", "w.bin"), "ValueError: org/other@main: the hub has no such repository, or it is private. See "),
        (("org/net", "w.bin", "v2"), "ValueError: org/net@v2: the repository has no such revision. Name a commit"),
        (("org/net", "x.bin"), "FileNotFoundError: org/net@main has no file x.bin. See "),
        (("org/gated", "w.bin"), "ConnectionError: org/gated@main: its owner asks for an agreement first. Agree on "),
        (("../net", "w.bin"), "ValueError: '../net' is no name of a repository: write ORG/REPO"),
    ],
)  # fmt: skip
def test_what_the_hub_refuses_is_told(
    hub: Hub, tmp_path: Path, asked: tuple[str, ...], words: str
) -> None:
    hub.files["org/gated"] = {"w.bin": b""}
    hub.gated.add("org/gated")
    assert words in fetched(hub, tmp_path, *asked)[1]
    assert hub.served == []


@pytest.mark.parametrize(
    "settings",
    [
        {"HF_HUB_OFFLINE": "1"},
        # huggingface_hub tries again for 20 s
        pytest.param({"HF_ENDPOINT": "http://127.0.0.1:9"}, marks=pytest.mark.slow),
    ],
    ids=["offline", "unreachable"],
)
def test_the_file_the_repository_and_the_place_are_told(
    settings: dict[str, str], hub: Hub, tmp_path: Path
) -> None:
    _, error = fetched(hub, tmp_path, "org/net", "w.bin", "v1", **settings)
    assert error.startswith("ConnectionError: w.bin of org/net@v1 is not on this machine")
    assert f"copy it to {tmp_path}/models--org--net" in error


@pytest.mark.parametrize("name", ["net", "org/net/more", "/net", "org/..", "org/a b", ""])
def test_names_of_repositories(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a repository"):
        check_name(name)


@pytest.mark.parametrize("revision", ["", "../x", "-x", "a b"])
def test_revisions(revision: str) -> None:
    with pytest.raises(ValueError, match="is no revision"):
        check_name("org/net", revision)
