"""What the methods minimise, as functions of tensors; each names its equation."""
