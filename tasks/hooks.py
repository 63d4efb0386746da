"""Hooks of a task run."""

from __future__ import annotations

from pathlib import Path

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from lvmmed_backbones.openmmlab.resumption import load_all, own_file
from lvmmed_backbones.weights.reading import read


@HOOKS.register_module()
class LoadBestHook(Hook):
    """After training, put the checkpoint that was best on the valid split back into the model.

    So `runner.train(); runner.test()` tests the selected model. A run without validation keeps its last weights.
    """

    priority = "LOWEST"  # after CheckpointHook, which names the best checkpoint

    def after_train(self, runner: Runner) -> None:
        if "best_ckpt" not in runner.message_hub.runtime_info:
            return
        folder = Path(runner.work_dir)
        best = own_file(runner.message_hub.get_info("best_ckpt"), folder, folder)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        load_all(model, read(best)["state_dict"], best)
        runner.logger.info(f"testing the best checkpoint on the valid split, {best}")
