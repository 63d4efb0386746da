"""Graph matching solvers compared: instances with known optima, the peers, and the table of docs/graph_matching.md."""
