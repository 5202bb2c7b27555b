"""How a row is named without its primary key.

For model authors: inherit from ``NaturalKeyModel`` and declare ``natural_key_fields = NaturalKey(...)``,
or call ``register("app.Model", ...)`` for a model that is not yours. For readers of the code, in this
order: ``declare`` (what people say), ``trace`` (what a hand-written method means), ``derive`` (what
unique constraints offer), ``resolve`` (which of these counts), ``lookup`` (many rows by key, many keys by
row), ``indexes`` and ``audit`` (whether it holds on live data).
"""

from edms_backup.naturalkeys.declare import (
    NaturalKey,
    NaturalKeyManager,
    NaturalKeyModel,
    register,
    registered,
    unregister,
)
from edms_backup.naturalkeys.lookup import KeyLookup
from edms_backup.naturalkeys.resolve import KeyRegistry, KeySource, KeySpec

__all__ = [
    "KeyLookup",
    "KeyRegistry",
    "KeySource",
    "KeySpec",
    "NaturalKey",
    "NaturalKeyManager",
    "NaturalKeyModel",
    "register",
    "registered",
    "unregister",
]
