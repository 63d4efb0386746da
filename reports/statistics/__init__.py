"""Statistics of backbones: pure functions of arrays. docs/statistics.md has the question that each one answers."""
