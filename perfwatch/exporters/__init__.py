"""One file a format of `perfwatch export`."""
