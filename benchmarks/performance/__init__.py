"""Measures of speed: suites of pytest-benchmark (`tox -e performance`), and corpora of growing size."""
