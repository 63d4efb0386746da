"""The site: static pages of a folder of records, which work from a disk and without a network.

build.py                                which pages there are; content.py: what they say
results.py, cases.py                    the scores and the galleries of a task
boards.py, leads.py, comparisons.py     leaderboards, the lead of the best, all pairs of backbones
rendering.py, files.py                  templates to pages, and the files beside them
"""
