"""What lies over a screen for a moment: help, prompts, choices."""
