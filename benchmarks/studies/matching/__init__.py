"""A comparison of graph matching solvers and of ways to construct the graphs: the tables of docs/graph_matching.md."""
