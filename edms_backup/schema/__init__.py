"""What the data looks like: models, keys, references, files, and whether tables agree with models."""

from edms_backup.schema.inventory import (
    Fate,
    GenericRef,
    Inventory,
    ManyToMany,
    ModelOptions,
    ModelSpec,
    OnConflict,
    Relation,
    SoftRef,
    Tier,
    build_inventory,
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
