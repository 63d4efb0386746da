"""For 2D segmentation: Adam 1e-4, constant, 50 epochs, gradients clipped at norm 1.

The released code does the same for BUID. Its Kvasir has 1e-3 and 35 epochs; for the other tasks nothing was released.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    clip_grad=dict(max_norm=1, norm_type=2))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=1)
