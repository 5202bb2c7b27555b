"""Commands of the EDMS."""
