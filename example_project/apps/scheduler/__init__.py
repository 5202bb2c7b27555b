"""Tasks for a given time."""
