"""FACE: REST, for administrators and their programs. Nothing is served until the host includes ``urls``.

Reading order: ``urls`` (which calls there are), ``access`` (who may, how often), ``views``, ``questions`` (what comes
in), ``answers`` (what goes out), ``problems`` (what is said when it does not work). ``docs/rest.md`` is for callers.
"""

from django.core.exceptions import ImproperlyConfigured

try:
    import drf_spectacular
    import rest_framework
except ImportError as error:
    raise ImproperlyConfigured(
        f"edms_backup.api needs the extra [api] ({error}). Install it: pip install 'edms-backup[api]'."
    ) from error

__all__ = ["drf_spectacular", "rest_framework"]
