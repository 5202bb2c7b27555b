"""The fields of a model as the manifest describes them."""

from __future__ import annotations

from collections.abc import Iterator

from edms_backup.package import FieldEntry
from edms_backup.schema.spec import ModelSpec


def field_entries(spec: ModelSpec) -> Iterator[FieldEntry]:
    """Yield the description of every field that a model's lines hold."""
    files = {column.field for column in spec.files}
    for column in spec.columns:
        kind = "fk" if column.is_relation else "file" if column.name in files else "value"
        yield FieldEntry(
            name=column.name,
            column=column.column,
            type=column.get_internal_type(),
            null=column.null,
            kind="json" if column.get_internal_type() == "JSONField" else kind,
            to=column.related_model._meta.label if column.is_relation else "",
        )
    for link in spec.many_to_many:
        yield FieldEntry(
            name=link.name, column="", type="ManyToManyField", kind="m2m", to=link.target._meta.label
        )
