"""A document archive of twelve models, with natural keys as stock Django wants them."""
