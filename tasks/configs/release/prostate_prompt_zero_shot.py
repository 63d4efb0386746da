"""Prostate in MRI, tested at four sites; one box prompts SAM as it is (LVM-Med, table 4).

No training: the test of prostate_prompt, on the decoder as it was released.
As released: the evaluation of the trained decoder, noise on the boxes included. No split was released.
Published: Dice 59.11 (BMC), 66.95 (RUNMC), 59.68 (BIDMC), 57.41 (HK) with SAM.
Run: python -m benchmarks run --tasks prostate_prompt_zero_shot --recipe release --backbones sam_vit_b --profile paper
"""

_base_ = 'prostate_prompt.py'

task = dict(name='prostate_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
