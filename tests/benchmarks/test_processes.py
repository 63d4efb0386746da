"""Functions in processes of their own: what they print, and why they failed."""

from __future__ import annotations

import os

import pytest

from benchmarks.scheduler.processes import in_own_process
from lvmmed_backbones import corpus


def test_a_step_that_fails_is_named(capfd) -> None:
    with pytest.raises(RuntimeError, match="the corpus failed: /nowhere is not a folder"):
        in_own_process("the corpus", corpus.build, ["/nowhere"], "/nowhere/x")
    assert "the corpus ..." in capfd.readouterr().err


def test_a_step_that_dies_is_named() -> None:
    with pytest.raises(RuntimeError, match="the step failed: its process was killed by SIGABRT"):
        in_own_process("the step", os.abort)


def test_what_a_step_prints_goes_to_stderr(capfd) -> None:
    in_own_process("the step", print, "a word")
    said = capfd.readouterr()
    assert said.out == "" and "a word\n" in said.err
