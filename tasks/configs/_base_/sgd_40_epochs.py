"""For detection: SGD 0.0025 (0.02 / 8), 500 warm-up iterations from a tenth, then constant, 40 epochs.

The released command for VinDr trains for 40 epochs too, but with Adam 1e-4, weight decay 1e-4, gradients clipped at
norm 1 and batches of 16, without warm-up. SGD 0.0025 is the default that it overrides. For Kvasir nothing was released.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.0025, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=500)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40, val_interval=1)
