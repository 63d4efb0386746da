"""Backbones for medical imaging: architectures, weights and where they came from.

Nothing is imported before it is used: reports read files by `lvmmed_backbones.files.outside` without torch, and only
those who use OpenMMLab need it.
`lvmmed_backbones.openmmlab` registers the backbones with mmpretrain, mmsegmentation and mmdetection.
"""

from __future__ import annotations

import warnings

from lvmmed_backbones.importing import on_first_use

# mmengine 0.10.7 asks pkg_resources which packages are installed, anew for each config that it reads, and setuptools
# below 81 warns of it each time. A user can do nothing about it: constraints.txt holds setuptools back. This goes when
# mmengine asks importlib.metadata instead. Every process of the suite imports this package.
warnings.filterwarnings(
    "ignore", "pkg_resources is deprecated as an API", UserWarning, r"(mmengine\.|importlib$)"
)

__all__ = ["Backbone", "build", "convert", "doctor", "evaluate", "register"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "Backbone": "models",
        "build": "building",
        "convert": "conversion",
        "doctor": "command.diagnosis",
        "evaluate": "evaluation.evaluating",
        "register": "models",
    },
)
