"""Register the tasks' metrics and hooks with mmengine; the configs import this module by custom_imports."""

import warnings

import lvmmed_backbones.openmmlab  # noqa: F401  LoadBestHook reads mmengine's checkpoints by its safe globals
from tasks import hooks  # noqa: F401
from tasks.metrics import classification, detection, prompted, segmentation  # noqa: F401
from tasks.prompt import embeddings, model, transforms  # noqa: F401

# mmsegmentation 1.2 warns so of any UperNet, even its own; the task configs are as they are meant to be.
for message in (
    "``build_loss`` would be deprecated soon",
    "For binary segmentation, we suggest using",
    "Default ``avg_non_ignore`` is False",
):
    warnings.filterwarnings("ignore", message, UserWarning, r"mmseg\.models\.")
