"""The 15 downstream tasks: their configs, data sets, phantoms and metrics."""
