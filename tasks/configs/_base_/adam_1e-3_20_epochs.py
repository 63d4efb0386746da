"""For volumes: Adam 1e-3, constant, 20 epochs, gradients clipped at norm 1.

The released code does the same for MMWHS CT. Its MMWHS MRI has 1.5e-3 and 30 epochs; for BraTS nothing was released.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=1, norm_type=2))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
