"""How are numbers made into characters? Pure functions and small caches, without an app."""
