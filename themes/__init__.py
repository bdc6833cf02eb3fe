"""Themes as data; one small file a theme."""
