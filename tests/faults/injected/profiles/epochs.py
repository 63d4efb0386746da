"""The paper's protocols, by epochs, on one thread and without processes that load images."""

from dataclasses import replace

from benchmarks.profiles import paper

PROFILE = replace(paper.PROFILE, name="epochs", workers=0, threads=1)
