"""What the protocols of the release need beyond OpenMMLab: docs/reproduction.md tells it rule by rule."""
