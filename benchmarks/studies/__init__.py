"""Studies, a package each: what was measured, and the tables and figures of a page of docs/."""
