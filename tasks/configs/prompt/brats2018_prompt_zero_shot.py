"""BraTS 2018: brain tumours in MRI; one box prompts SAM as it is (LVM-Med, appendix).

No training: the test of brats2018_prompt, on the decoder as it was released.
Published: 3D IoU 38.97 +- 0.21 with SAM (mean of slices).
Run: python -m benchmarks run --tasks brats2018_prompt_zero_shot --backbones sam_vit_b --profile paper
"""

_base_ = 'brats2018_prompt.py'

task = dict(name='brats2018_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
