"""Administration of the EDMS."""
