"""A comparison of graph matching solvers: instances with known optima, peers, the tables of docs/graph_matching.md."""
