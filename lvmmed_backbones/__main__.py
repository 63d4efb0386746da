"""`python -m lvmmed_backbones`: see `lvmmed_backbones.cli`."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, which take seconds
    stop_quietly("What is there is whole. Start again; pretrain goes on with --resume")

import sys

from lvmmed_backbones.cli import main

if __name__ == "__main__":
    sys.exit(main())
