"""A run on a card: six figures, the conditions, the verdict and a hash, to be pasted where others read it."""
