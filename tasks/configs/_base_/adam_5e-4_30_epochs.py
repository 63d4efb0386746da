"""For brain tumours: Adam 5e-4, constant, 30 epochs.

So the released code has it for fine-tuning a ResNet-50. With a frozen backbone it trains for 20 epochs, a ViT it
fine-tuned for 40.
"""

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
