"""`lvmmed`, or `python -m lvmmed_backbones`: see `lvmmed_backbones.command.cli`."""

from __future__ import annotations

import sys

from lvmmed_backbones.stopping import stop_quietly


def lvmmed() -> int:
    """Run the command; return its exit code."""
    # Called before the other imports, which take seconds.
    stop_quietly("What is there is whole. Start again; pretrain goes on with --resume")
    from lvmmed_backbones.command.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(lvmmed())
