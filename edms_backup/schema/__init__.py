"""What the data looks like: models, keys, references, files, and whether tables agree with models."""

from edms_backup.schema.inventory import Inventory, build_inventory
from edms_backup.schema.spec import (
    Fate,
    GenericRef,
    ManyToMany,
    ModelOptions,
    ModelSpec,
    OnConflict,
    Relation,
    SoftRef,
    Tier,
)

__all__ = [
    "Fate",
    "GenericRef",
    "Inventory",
    "ManyToMany",
    "ModelOptions",
    "ModelSpec",
    "OnConflict",
    "Relation",
    "SoftRef",
    "Tier",
    "build_inventory",
]
