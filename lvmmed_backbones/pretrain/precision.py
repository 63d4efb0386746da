"""Half the time of a step on a CPU: the encoder in bfloat16, its maps stored channels last."""

from __future__ import annotations

from collections.abc import Callable

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from lvmmed_backbones.pretrain.monitors import unwrapped


@HOOKS.register_module()
class BFloat16EncoderHook(Hook):
    """Runs the encoder in bfloat16 where that is safe (torch.autocast); its weights, and all heads, stay in float32.

    For CPUs, which mmengine's AmpOptimWrapper refuses; worth it where they multiply bfloat16 themselves (AVX512-BF16,
    AMX). Losses of different methods bear bfloat16 differently well, an encoder is the same for all.
    """

    def before_train(self, runner: Runner) -> None:
        """Convert the encoder in place."""
        encoder = unwrapped(runner).backbone
        encoder.to(memory_format=torch.channels_last)  # bfloat16 kernels would reorder each map
        encoder.forward = in_bfloat16(encoder.forward)


def in_bfloat16(
    forward: Callable[[Tensor], tuple[Tensor, ...]],
) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """`forward` under autocast, its maps given back in float32."""

    def converted(images: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast(images.device.type, torch.bfloat16):
            maps = forward(images)
        return tuple(m.float() for m in maps)

    return converted
