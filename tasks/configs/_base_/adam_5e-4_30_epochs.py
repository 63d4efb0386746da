"""For brain tumours: Adam 5e-4, constant, 30 epochs.

The released code does the same to fine-tune a ResNet-50. It trains a frozen backbone for 20 epochs, and fine-tunes a
ViT for 40.
"""

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
