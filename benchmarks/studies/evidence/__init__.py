"""Does graph-matching pretraining learn, and which of its parts? The study behind docs/evidence.md."""
