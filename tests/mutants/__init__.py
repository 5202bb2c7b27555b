"""Changes made to the code on purpose, one at a time, to learn whether a test notices."""
