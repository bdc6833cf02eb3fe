"""The one format: what is recorded, streamed over a pipe and replayed (docs/session-format.md)."""
