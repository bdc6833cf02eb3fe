"""What happened lately, kept in bounded memory for charts."""
