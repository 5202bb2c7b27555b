"""Keys, signatures and security events."""
