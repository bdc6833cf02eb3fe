"""One screen a file. A screen is a pure function: a frame, a view and a size in, rows of text out."""
