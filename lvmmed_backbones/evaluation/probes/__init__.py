"""Probes on frozen features, each a function of arrays."""
