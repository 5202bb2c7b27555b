"""Settings of the EDMS."""
