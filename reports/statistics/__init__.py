"""Statistics of backbones: pure functions of arrays. docs/statistics.md says which question each one answers."""
