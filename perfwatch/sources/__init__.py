"""Where batches come from: live runners on this machine, later a file or another host."""
