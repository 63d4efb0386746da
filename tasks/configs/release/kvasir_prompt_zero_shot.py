"""Kvasir-SEG: polyps in colonoscopy; one box prompts SAM as it is (LVM-Med, table 2).

No training: the test of kvasir_prompt, on the decoder as it was released.
As released: the evaluation of the trained decoder, noise on the boxes included.
Published: Dice 80.77 +- 0.19 with SAM.
Run: python -m benchmarks run --tasks kvasir_prompt_zero_shot --recipe release --backbones sam_vit_b --profile paper
"""

_base_ = 'kvasir_prompt.py'

task = dict(name='kvasir_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
