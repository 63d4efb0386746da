"""Segmentation from one box: a frozen image encoder of Segment Anything, and its mask decoder, which is trained.

LVM-Med's tables "prompt". Rules of the authors' release that a sound experiment would not have are options.
"""
