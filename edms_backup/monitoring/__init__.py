"""How backups stand, for machines: an endpoint, health checks, metrics. All of it is ``BackupService.status()``."""
