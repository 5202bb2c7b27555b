"""Backup and proven restore for Django document management systems.

Importing this package costs nothing and needs no configured Django. The ways in are the management
command ``edms_backup`` and :mod:`edms_backup.service`.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
