"""The authors' schedule for brain tumours: Adam 5e-4, constant, 30 epochs."""

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
