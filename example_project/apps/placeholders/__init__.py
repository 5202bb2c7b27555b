"""Templates and placeholders."""
