"""Pneumonia in chest X-rays of children, 3,166 images at 28 px (a part of PneumoniaMNIST); the nearest neighbours.

The nearest neighbours by cosine similarity of the frozen features; the valid images choose their number.
Published: nothing by LVM-Med: an open task. Figures of MedMNIST are on all 5,856 images.
Run: python -m benchmarks run --tasks pneumonia_knn --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = 'pneumonia_linear.py'

task = dict(name='pneumonia_knn', protocol='knn')
