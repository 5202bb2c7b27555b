"""Controlled documents."""
