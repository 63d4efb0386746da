"""Registers the backbones: `custom_imports = dict(imports=["lvmmed_backbones.openmmlab"])` in a config.

mmpretrain, mmsegmentation and mmdetection then build `Backbone`, and every class that was registered by
`lvmmed_backbones.register`, by its name; a model's `init_weights` loads the weights. Every run finds `NonFiniteHook`.
What the loading of weights has to say goes into mmengine's log, and torch's safe loader reads mmengine's checkpoints.
"""

import logging

from lvmmed_backbones.importing import needing

with needing("openmmlab"):
    from mmengine.logging import MMLogger
    from mmengine.registry import MODELS

    from lvmmed_backbones.openmmlab import finite  # noqa: F401

from lvmmed_backbones import models
from lvmmed_backbones.safe_globals import allow_mmengine_checkpoints


class _ToLog(logging.Handler):
    """Hands records on to mmengine's logger, which is another for each run."""

    def emit(self, record: logging.LogRecord) -> None:
        MMLogger.get_current_instance().handle(record)


models.follow(lambda backbone: MODELS.register_module(module=backbone, force=True))
logging.getLogger("lvmmed_backbones").addHandler(_ToLog())
logging.getLogger("lvmmed_backbones").setLevel("INFO")
allow_mmengine_checkpoints()
