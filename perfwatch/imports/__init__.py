"""What others recorded, as sessions: MLPerf's logs of results and of power."""
