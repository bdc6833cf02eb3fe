"""How a job tells its work: patterns in its output, StatsD lines, running totals of `perfwatch.client`."""
