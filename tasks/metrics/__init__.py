"""The tasks' metrics. Each hands the score of every test case to a file, so that statistics can be paired."""
