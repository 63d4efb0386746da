"""MMWHS: heart structures in MRI; one box prompts SAM as it is (LVM-Med, appendix).

No training: the test of mmwhs_mri_prompt, on the decoder as it was released.
Published: 3D IoU 59.74 +- 0.76 with SAM (mean of slices).
Run: python -m benchmarks run --tasks mmwhs_mri_prompt_zero_shot --backbones sam_vit_b --profile paper
"""

_base_ = 'mmwhs_mri_prompt.py'

task = dict(name='mmwhs_mri_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
