"""For FGADR: Adam 5e-4 with weight decay 0.005, constant, 20 epochs.

The released code does the same for the frozen backbone. It fine-tunes with 1e-4 and 30 epochs.
"""

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4, weight_decay=0.005))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
