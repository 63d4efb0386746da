"""BUID (BUSI): breast lesions in ultrasound; one box prompts SAM as it is (LVM-Med, table 2).

No training: the test of buid_prompt, on the decoder as it was released.
As released: the evaluation of the trained decoder, noise on the boxes included.
Published: Dice 78.44 +- 1.01 with SAM.
Run: python -m benchmarks run --tasks buid_prompt_zero_shot --recipe release --backbones sam_vit_b --profile paper
"""

_base_ = 'buid_prompt.py'

task = dict(name='buid_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
