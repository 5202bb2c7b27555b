"""What a backup and a restore cost, beside the tools that sites use otherwise: ``make bench``."""
