"""What the released detection needs beyond mmdetection: how its network starts, and which epoch is tested."""

from __future__ import annotations

from mmdet.models import FasterRCNN
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import EpochBasedTrainLoop, Runner

from tasks.hooks import LAST_SCORES, SelectionHook


@MODELS.register_module()
class ReleasedFasterRCNN(FasterRCNN):
    """mmdetection's Faster R-CNN; the backbone alone is initialised, with its weights.

    object_detection/finetune_with_path_modify_test_eval.py:131-139 never calls the model's `init_weights`. So the
    convolutions of the pyramid start as mmcv's ConvModule makes them (Kaiming normal by fan out, biases 0), those of
    the RPN and the layers of the box head as torch makes them.
    """

    def init_weights(self) -> None:
        """Give the backbone its weights; without weights it stays as it is, random."""
        self.backbone.init_weights()


@HOOKS.register_module()
class LastEpochHook(SelectionHook):
    """Keeps the weights of the last epoch in place of the best: object_detection/test_one_sequences.py:233-238.

    Without `LoadBestHook` they are tested, too; the record has their `epoch`.
    """

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the epoch itself for the score, so that each is better than those before."""
        super().after_val_epoch(runner, {runner.cfg.task.headline: runner.iter})

    def after_train(self, runner: Runner) -> None:
        """Tell the record which epoch is tested."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            runner.message_hub.update_info(LAST_SCORES, {"epoch": runner.epoch})
