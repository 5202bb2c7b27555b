"""What is known about one model: fate, key, references, files. Values only; the inventory fills them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from django.db import models

from edms_backup.naturalkeys import KeySpec
from edms_backup.schema.filefields import FileSpec


class Fate(enum.StrEnum):
    """What happens to the rows of a model."""

    INCLUDED = "included"
    """They travel, and a restore makes them equal to the package."""
    FRAMEWORK = "framework"
    """They travel by natural key only: a restore adds what is missing and never moves or deletes a row."""
    EXCLUDED = "excluded"
    """They stay at home; the reason is recorded."""


class OnConflict(enum.StrEnum):
    """What to do when a row of the package and another row of the site claim the same unique value."""

    FAIL = "fail"
    """Refuse the restore before the first write."""
    KEEP = "keep"
    """The site's row stays as it is; the package's row is refused and counted as such."""
    TAKE = "take"
    """The package's row takes the place of the site's row, and its primary key."""


class Tier(enum.StrEnum):
    """How much the loss of a model's rows would hurt."""

    CRITICAL = "critical"
    IMPORTANT = "important"
    STANDARD = "standard"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What settings say about one model (``EDMS_BACKUP["MODELS"][label]``)."""

    fate: Fate | None = None
    reason: str = ""
    tier: Tier | None = None
    soft: tuple[SoftRef, ...] = ()
    append_only: bool = False
    """Rows that the package does not know survive a ``replace`` (audit trails)."""
    on_conflict: OnConflict = OnConflict.FAIL
    grants: bool = False
    """Whether its rows give rights, as roles of the host's own making do."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A foreign key or one-to-one column."""

    name: str
    attname: str
    target: type[models.Model]
    null: bool
    to_primary_key: bool
    """False for ``to_field``: the column then holds content, not an identity."""
    constrained: bool
    """Whether the database itself refuses a dangling value."""


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """A many-to-many field whose table has no model of its own."""

    name: str
    through: type[models.Model]
    source: str
    """Attribute name of the column that points at the owner."""
    target_attname: str
    target_name: str
    target: type[models.Model]


@dataclass(frozen=True, slots=True)
class GenericRef:
    """A pair of columns, content type and id, that points at a row of any model."""

    name: str
    content_type: str
    """Attribute name of the content type column."""
    content_type_name: str
    object_id: str


@dataclass(frozen=True, slots=True)
class SoftRef:
    """Primary keys of another model in a plain column, or at a path inside a JSON column."""

    field: str
    path: tuple[str, ...]
    """Steps below the column, ``*`` for every member; empty for the column itself."""
    target: str
    """Label of the model that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model with all that the pipelines need to know about it."""

    model: type[models.Model]
    label: str
    using: str
    """Database alias."""
    fate: Fate
    reason: str
    tier: Tier
    key: KeySpec
    relations: tuple[Relation, ...] = ()
    many_to_many: tuple[ManyToMany, ...] = ()
    generics: tuple[GenericRef, ...] = ()
    soft: tuple[SoftRef, ...] = ()
    files: tuple[FileSpec, ...] = ()
    append_only: bool = False
    on_conflict: OnConflict = OnConflict.FAIL
    grants: bool = False

    @property
    def table(self) -> str:
        """Return the table's name."""
        return self.model._meta.db_table

    @property
    def columns(self) -> list[Any]:
        """Return the fields of this model's own table that carry content, in declared order.

        Generated columns are left out: the database computes them.
        """
        return [
            column
            for column in self.model._meta.local_concrete_fields
            if not getattr(column, "generated", False) and (not column.primary_key or column.is_relation)
        ]

    @property
    def tables(self) -> list[str]:
        """Return the model's table and the tables of its many-to-many fields."""
        return [self.table, *(link.through._meta.db_table for link in self.many_to_many)]
