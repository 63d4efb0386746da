"""Register everything that the pretraining configs name. Their `custom_imports` import this module.

Each method is a file in `methods`.
"""

import pkgutil
import warnings

from lvmmed_backbones.importing import import_added, needing

with needing("openmmlab"):
    import lvmmed_backbones.openmmlab  # noqa: F401  before mmpretrain: see its transformers.py

    # isort: split
    import mmpretrain.engine.hooks
    import mmpretrain.engine.optimizers
    import mmpretrain.models  # noqa: F401  the peers that mmpretrain has

from lvmmed_backbones.pretrain import hooks, loop, methods, monitors, necks, views  # noqa: F401

# mmcv 2.1 warns whenever Pillow changes a saturation, even if only `alpha` is used.
warnings.filterwarnings(
    "ignore", "Only use 'alpha' for pillow backend", UserWarning, r"mmcv\.image\."
)

for _module in pkgutil.iter_modules(methods.__path__):
    import_added(methods.__name__, _module.name)
