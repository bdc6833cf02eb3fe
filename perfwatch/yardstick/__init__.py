"""Published results to compare a run with. `published.csv` is the table, `table.py` reads it."""
