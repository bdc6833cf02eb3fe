"""The dashboard: what a person sees while a run goes on. Only app.py and overlays/ import textual."""
