"""DRIVE: retinal vessels in fundus photographs; one box prompts SAM as it is (LVM-Med, table 2).

No training: the test of drive_prompt, on the decoder as it was released.
As released: the evaluation of the trained decoder, noise on the boxes included.
Published: Dice 15.12 +- 0.24 with SAM.
Run: python -m benchmarks run --tasks drive_prompt_zero_shot --recipe release --backbones sam_vit_b --profile paper
"""

_base_ = 'drive_prompt.py'

task = dict(name='drive_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
