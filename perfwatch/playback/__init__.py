"""Replays a recording: its records by time, a scene that goes through them, places to jump to."""
