"""The collectors that come with perfwatch; one file a family. Each is an ordinary plugin."""
