"""The losses of the methods, as functions of tensors; each names its equation."""
