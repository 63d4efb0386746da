"""The authors' schedule for detection: SGD 0.0025 (0.02 / 8), 500 warm-up iterations from a tenth, 40 epochs.

Their learning rate falls only at epoch 55, after the end of these 40: it stays constant.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.0025, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=500)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40, val_interval=1)
