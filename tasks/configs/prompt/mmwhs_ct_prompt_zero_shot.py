"""MMWHS: heart structures in CT; one box prompts SAM as it is (LVM-Med, appendix).

No training: the test of mmwhs_ct_prompt, on the decoder as it was released.
Published: 3D IoU 50.25 +- 0.33 with SAM (mean of slices).
Run: python -m benchmarks run --tasks mmwhs_ct_prompt_zero_shot --backbones sam_vit_b --profile paper
"""

_base_ = 'mmwhs_ct_prompt.py'

task = dict(name='mmwhs_ct_prompt_zero_shot', protocol='zero_shot')
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=0, val_interval=1)
log_processor = dict(by_epoch=False)
