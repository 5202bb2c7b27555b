"""Records of the EDMS's former backup feature."""
