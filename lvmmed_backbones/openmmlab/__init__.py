"""Register the backbones: `custom_imports = dict(imports=["lvmmed_backbones.openmmlab"])` in a config.

mmpretrain, mmsegmentation and mmdetection then build `Backbone`, and every class that `lvmmed_backbones.register`
registered, by its name; a model's `init_weights` loads the weights. Configs can name `NonFiniteHook`. Messages about
the loading of weights go into mmengine's log, and torch's safe loader reads mmengine's checkpoints.
"""

import logging

from lvmmed_backbones.importing import needing

with needing("openmmlab"):
    from mmengine.logging import MMLogger
    from mmengine.registry import MODELS

    from lvmmed_backbones.openmmlab import finite, transformers  # noqa: F401

from lvmmed_backbones import models
from lvmmed_backbones.safe_globals import allow_mmengine_checkpoints


class _ToLog(logging.Handler):
    """Passes records on to mmengine's logger; each run has its own."""

    def emit(self, record: logging.LogRecord) -> None:
        MMLogger.get_current_instance().handle(record)


models.follow(lambda backbone: MODELS.register_module(module=backbone, force=True))
logging.getLogger("lvmmed_backbones").addHandler(_ToLog())
logging.getLogger("lvmmed_backbones").setLevel("INFO")
allow_mmengine_checkpoints()
