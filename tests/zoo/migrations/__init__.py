"""Migrations of the zoo."""
