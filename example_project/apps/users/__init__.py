"""People, roles and second factors."""
