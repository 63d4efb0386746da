"""Importing this module registers everything that the pretraining configs name; their custom_imports do.

The methods are a file each in `methods`.
"""

import importlib
import pkgutil
import warnings

from lvmmed_backbones.importing import needing

with needing("openmmlab"):
    import mmpretrain.engine.hooks
    import mmpretrain.engine.optimizers
    import mmpretrain.models  # noqa: F401  the peers that mmpretrain has

from lvmmed_backbones.pretrain import hooks, loop, methods, monitors, necks, views  # noqa: F401

# mmcv 2.1 says so whenever Pillow changes a saturation, with `alpha` alone, too.
warnings.filterwarnings(
    "ignore", "Only use 'alpha' for pillow backend", UserWarning, r"mmcv\.image\."
)

for _module in pkgutil.iter_modules(methods.__path__):
    importlib.import_module(f"{methods.__name__}.{_module.name}")
