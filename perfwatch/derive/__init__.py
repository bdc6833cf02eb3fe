"""Results, derived from recorded readings by pure functions: numbers in, numbers out."""
