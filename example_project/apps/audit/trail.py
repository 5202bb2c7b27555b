"""Writing audit records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.forms.models import model_to_dict

from apps.audit.models import AuditTrail

if TYPE_CHECKING:
    from django.db.models import Model

    from apps.users.models import User

DOCUMENT_MODULE = "O1"


def field_values(instance: Model) -> dict[str, Any]:
    """Return the editable fields of a row as JSON values. References appear as the ids of this database."""
    values = model_to_dict(instance, fields=[field.name for field in instance._meta.concrete_fields])
    return json.loads(json.dumps(values, cls=DjangoJSONEncoder, default=str))


def changed_values(old: dict[str, Any], new: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return old and new value of every field that differs."""
    return {
        name: {"old": old.get(name), "new": value} for name, value in new.items() if old.get(name) != value
    }


def write_record(
    action: str, instance: Model, *, user: User | None = None, description: str = "", **columns: Any
) -> AuditTrail:
    """Write an audit record about a row.

    Args:
        action: What happened, in capitals.
        instance: The row that it happened to; it need not exist any more.
        user: Who did it; the system when nobody is named.
        description: A sentence for people.
        columns: Further columns of the audit record.
    """
    return AuditTrail.objects.create(
        action=action,
        user=user,
        user_display_name=(user.get_full_name() or user.username) if user else "System",
        content_type=ContentType.objects.get_for_model(instance),
        object_id=str(instance.pk),
        object_representation=str(instance)[:200],
        description=description,
        module=DOCUMENT_MODULE,
        **columns,
    )
