"""Plan and run a grid of task x backbone x seed; one record per run."""
