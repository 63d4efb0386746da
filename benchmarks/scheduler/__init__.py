"""How runs are carried out: each in a process of its own, beside other drivers of the same folder of results."""
