"""Records to leaderboards. Reads files only: needs neither torch nor OpenMMLab."""
