"""Files on this machine: those of others, read through one door; our own, whole or not there; the user's folder."""
