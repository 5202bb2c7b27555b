"""Rows that a replace does not load but that refer to rows which it moves or removes.

These are the rows of models outside of the scope, and rows of append-only models (audit trails) that the
package does not know and that survive. Foreign keys, generic references and many-to-many links follow
moved rows; what refers to a row that goes is set to NULL where the column allows it, and forbids the
restore where it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from edms_backup.engines.naming import as_primary_key
from edms_backup.engines.softrefs import occurrences, put
from edms_backup.engines.values import decode, encode_plain
from edms_backup.findings import Finding, Severity
from edms_backup.restore.keymap import KeyMap, pack
from edms_backup.restore.report import Mode
from edms_backup.restore.target import Target
from edms_backup.schema.drift import models_without_table
from edms_backup.schema.spec import Fate, GenericRef, ManyToMany, ModelSpec, SoftRef


@dataclass(slots=True)
class Followers:
    """What has to be written to rows that are not loaded."""

    new_keys: list[tuple[ModelSpec, Any, Any]] = field(default_factory=list)
    """Survivors whose primary key is needed by a row of the package: (model, old, new)."""
    changes: dict[tuple[type[models.Model], str, str], list[tuple[Any, Any]]] = field(default_factory=dict)
    """(model, database, column) to pairs of the row's primary key (as it is afterwards) and the new value."""
    findings: list[Finding] = field(default_factory=list)


def find_followers(target: Target, keymap: KeyMap, mode: Mode) -> Followers:
    """Find every row that has to follow; looks, and writes nothing."""
    followers = Followers()
    if mode is Mode.MERGE:
        return followers
    absent = models_without_table(target.inventory, target.aliases)
    for spec in target.inventory:
        if spec.using not in target.aliases or spec.label in absent:
            continue
        survivors = _survivors(spec, target, keymap)
        if survivors is not None and not survivors:
            continue
        followers.new_keys.extend((spec, old, new) for old, new in (survivors or {}).items() if old != new)
        for relation in spec.relations:
            if relation.target._meta.label in target.labels and relation.to_primary_key:
                _follow_column(followers, target, keymap, spec, relation.name, relation.null, survivors)
        for link in spec.many_to_many:
            if link.target._meta.label in target.labels:
                _follow_link(followers, target, keymap, spec, link, survivors)
        for generic in spec.generics:
            _follow_generic(followers, target, keymap, spec, generic, survivors)
        followed = [soft for soft in spec.soft if soft.target in target.labels]
        for name in dict.fromkeys(soft.field for soft in followed):
            same_column = [soft for soft in followed if soft.field == name]
            _follow_soft(followers, target, keymap, spec, same_column, survivors)
    return followers


def _survivors(spec: ModelSpec, target: Target, keymap: KeyMap) -> dict[Any, Any] | None:
    """Return old to new primary keys of the rows to look at; ``None`` means every row of the table."""
    if spec.label not in target.labels:
        return None
    if spec.fate is not Fate.INCLUDED or not spec.append_only:
        return {}
    found = keymap.look_up_live(spec.label, [pack(live) for _, live, _ in keymap.survivors(spec.label)])
    return {_plain(row.live): _plain(row.target) for row in found.values() if row.target is not None}


def _plain(pk: Any) -> Any:
    return tuple(pk) if isinstance(pk, list) else pk


def _follow_column(
    followers: Followers,
    target: Target,
    keymap: KeyMap,
    spec: ModelSpec,
    name: str,
    null: bool,
    survivors: dict[Any, Any] | None,
) -> None:
    column: Any = spec.model._meta.get_field(name)
    label = column.related_model._meta.concrete_model._meta.label
    stuck = 0
    for pk, value in target.engine(spec).column_values(spec.model, [column.attname]):
        plain = _plain(encode_plain(pk))
        if value is None or (survivors is not None and plain not in survivors):
            continue
        fate, new = _fate(keymap, label, value)
        if fate == "gone" and not null:
            stuck += 1
        elif fate != "stays":
            written = None if fate == "gone" else decode(column.target_field, new)
            row_pk = pk if survivors is None else survivors[plain]
            followers.changes.setdefault((spec.model, spec.using, column.attname), []).append(
                (row_pk, written)
            )
            if fate == "gone":
                keymap.forgive(spec.label, plain)
                followers.findings.append(_cleared(spec, name, label))
    if stuck:
        followers.findings.append(_stuck(spec, name, label, stuck))


def _follow_link(
    followers: Followers,
    target: Target,
    keymap: KeyMap,
    spec: ModelSpec,
    link: ManyToMany,
    survivors: dict[Any, Any] | None,
) -> None:
    """Links to moved rows follow them; links to rows that go are deleted with these."""
    label = link.target._meta.label
    rows = target.engine(spec).column_values(link.through, [link.source, link.target_attname])
    column: Any = link.target._meta.pk
    for pk, owner, value in rows:
        if survivors is not None and _plain(encode_plain(owner)) not in survivors:
            continue
        fate, new = _fate(keymap, label, value)
        if fate == "moved":
            place = (link.through, spec.using, link.target_attname)
            followers.changes.setdefault(place, []).append((pk, decode(column, new)))


def _follow_generic(
    followers: Followers,
    target: Target,
    keymap: KeyMap,
    spec: ModelSpec,
    generic: GenericRef,
    survivors: dict[Any, Any] | None,
) -> None:
    types = dict(_content_types(target, keymap))
    column: Any = spec.model._meta.get_field(generic.object_id)
    rows = target.engine(spec).column_values(spec.model, [generic.content_type, generic.object_id])
    for pk, content_type, object_id in rows:
        plain = _plain(encode_plain(pk))
        label = types.get(content_type)
        if label is None or object_id is None or (survivors is not None and plain not in survivors):
            continue
        meant = as_primary_key(target.inventory[label], object_id)
        if meant is None:
            continue  # no primary key of that model: it points at nothing
        fate, new = _fate(keymap, label, meant)
        if fate == "gone" and survivors is not None:
            keymap.forgive(spec.label, plain)
            followers.findings.append(_lost(spec, generic.name, label))
        if fate == "moved":
            row_pk = pk if survivors is None else survivors[plain]
            change = (row_pk, decode(column, str(new)))
            followers.changes.setdefault((spec.model, spec.using, generic.object_id), []).append(change)


def _follow_soft(
    followers: Followers,
    target: Target,
    keymap: KeyMap,
    spec: ModelSpec,
    same_column: list[SoftRef],
    survivors: dict[Any, Any] | None,
) -> None:
    """Ids in one plain column, or at several places of one JSON column, follow the rows that they mean."""
    column: Any = spec.model._meta.get_field(same_column[0].field)
    for pk, value in target.engine(spec).column_values(spec.model, [column.name]):
        plain = _plain(encode_plain(pk))
        if value is None or (survivors is not None and plain not in survivors):
            continue
        changed = value
        for soft in same_column:
            for path, old in occurrences(value, soft.path):
                meant = as_primary_key(target.inventory[soft.target], old)
                fate, new = ("stays", None) if meant is None else _fate(keymap, soft.target, meant)
                if fate == "moved":
                    changed = put(changed, path, new)
        if changed is not value:
            row_pk = pk if survivors is None else survivors[plain]
            change = (row_pk, decode(column, changed))
            followers.changes.setdefault((spec.model, spec.using, column.attname), []).append(change)


def _content_types(target: Target, keymap: KeyMap) -> Iterator[tuple[Any, str]]:
    """Yield (content type's primary key, label) of the models in scope whose keys are plain."""
    spec = target.inventory["contenttypes.ContentType"]
    for pk, app_label, model in target.engine(spec).column_values(spec.model, ["app_label", "model"]):
        found = target.inventory.of_label(f"{app_label}.{model}")
        if found is not None and found.label in target.labels:
            yield pk, found.label


def _fate(keymap: KeyMap, label: str, value: Any) -> tuple[str, Any]:
    row = next(iter(keymap.look_up_live(label, [pack(encode_plain(value))]).values()), None)
    if row is None:
        return "stays", None  # it points at nothing today
    if row.target is None:
        return "gone", None
    return ("stays", None) if row.target == row.live else ("moved", row.target)


def _cleared(spec: ModelSpec, name: str, label: str) -> Finding:
    return Finding(
        code="reference_cleared",
        severity=Severity.WARNING,
        message=f"{spec.label}.{name} of a row that stays refers to a row of {label} that goes; it is set to NULL.",
        model=spec.label,
        field=name,
    )


def _lost(spec: ModelSpec, name: str, label: str) -> Finding:
    return Finding(
        code="generic_reference_lost",
        severity=Severity.WARNING,
        message=f"{spec.label}.{name} of a row that stays refers to a row of {label} that goes; the id stays as it is.",
        model=spec.label,
        field=name,
    )


def _stuck(spec: ModelSpec, name: str, label: str, count: int) -> Finding:
    return Finding(
        code="reference_would_break",
        severity=Severity.ERROR,
        message=f"Rows of {spec.label} that stay refer by {name} to rows of {label} that would be deleted.",
        model=spec.label,
        field=name,
        count=count,
        hint=f"Restore {spec.label} as well, use --mode merge, or remove these rows first.",
    )


def renumber(followers: Followers, target: Target) -> None:
    """Give survivors their new primary keys, before rows of the package take the old ones."""
    for spec, old, new in followers.new_keys:
        engine = target.engine(spec)
        primary_key: Any = spec.model._meta.pk
        engine.set_column(
            spec.model, primary_key.attname, [(decode(primary_key, old), decode(primary_key, new))]
        )
        for link in spec.many_to_many:
            rows = engine.column_values(link.through, [link.source])
            mine = [(pk, decode(primary_key, new)) for pk, owner in rows if encode_plain(owner) == old]
            engine.set_column(link.through, link.source, mine)


def apply_changes(followers: Followers, target: Target) -> None:
    """Write what ``find_followers`` found, after the rows of the package are in."""
    for (model, using, attname), changes in followers.changes.items():
        target.engines[using].set_column(model, attname, changes)
