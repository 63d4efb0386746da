"""JSRT: lungs and heart in chest X-rays; one box prompts SAM as it is (LVM-Med, table 2).

No training: the test of jsrt_prompt, on the decoder as it was released.
As released: the evaluation of the trained decoder, noise on the boxes included. No split was released.
Published: Dice 61.97 +- 4.48 with SAM.
Run: python -m benchmarks run --tasks jsrt_prompt_zero_shot --recipe release --backbones sam_vit_b --profile paper
"""

_base_ = 'jsrt_prompt.py'

task = dict(name='jsrt_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
