"""`python -m reports`: see `reports.cli`."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, so that a stop among them is quiet, too
    stop_quietly("Every file is as it was, or new and whole: start again")

import sys

from reports.cli import main

if __name__ == "__main__":
    sys.exit(main())
