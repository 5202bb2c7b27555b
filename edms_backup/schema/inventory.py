"""Every model of the site with its fate, its key and its references: the map that all pipelines use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import models, router

from edms_backup.errors import UnknownModel
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.naturalkeys.paths import concrete
from edms_backup.schema.filefields import PathField, file_specs
from edms_backup.schema.spec import (
    Fate,
    GenericRef,
    ManyToMany,
    ModelOptions,
    ModelSpec,
    Relation,
    SoftRef,
    Tier,
)

# Rows that are a by-product of running: they have no meaning on another day or another machine.
_EXCLUDED_APPS = {
    "edms_backup": "history of this app, kept outside of what it restores",
    "django_tasks": "task queue",
    "django_tasks_database": "task queue",
    "django_tasks_db": "task queue",
    "django_celery_results": "results of finished tasks",
}
_EXCLUDED_MODELS = {
    "sessions.session": "sessions end with a restore",
    "django_celery_beat.periodictasks": "derived: a time stamp that tells the scheduler to look again",
}
_FRAMEWORK_MODELS = {"contenttypes.contenttype", "auth.permission"}
_LINK_COLUMNS = 3  # a key and two references
_SYSTEM_APPS = {"admin", "auth", "contenttypes", "sessions", "sites", "django_celery_beat"}


@dataclass(slots=True)
class Inventory:
    """All models of the site, by label, in dependency order."""

    specs: dict[str, ModelSpec] = field(default_factory=dict)
    _told: dict[str, ModelSpec | None] = field(default_factory=dict, compare=False, repr=False)
    """What ``of_label`` has answered: rows with generic references ask for the same few labels."""

    def __iter__(self) -> Iterator[ModelSpec]:
        """Iterate over all specs, referenced models first where possible."""
        return iter(self.specs.values())

    def __getitem__(self, label: str) -> ModelSpec:
        """Return the spec of a label in any case; raises ``UnknownModel``."""
        wanted = label.lower()
        for spec in self.specs.values():
            if spec.label.lower() == wanted:
                return spec
        raise UnknownModel(
            f"There is no model {label} on this site.",
            hint="`edms_backup inventory` lists every model.",
        )

    def of(self, model: type[models.Model]) -> ModelSpec | None:
        """Return the spec of a model class (of its concrete model, for a proxy), or ``None``."""
        return self.specs.get(concrete(model)._meta.label)

    def of_label(self, label: str) -> ModelSpec | None:
        """Return the spec behind a label in any case, a proxy's too; ``None`` for what is not installed."""
        if label not in self._told:
            try:
                self._told[label] = self.of(apps.get_model(label))
            except LookupError:
                self._told[label] = None
        return self._told[label]

    def included(self, *, using: str | None = None) -> list[ModelSpec]:
        """Return the specs whose rows travel, all or those of one database."""
        return [
            spec for spec in self if spec.fate is not Fate.EXCLUDED and (using is None or spec.using == using)
        ]

    def select(self, names: Iterable[str], excluded: Iterable[str], using: str | None) -> list[ModelSpec]:
        """Return the travelling specs that ``names`` (labels or app labels; empty = all) leave in.

        Raises ``UnknownModel`` for a name that is neither a model nor an app of this site.
        """
        wanted = self._labels(names)
        unwanted = self._labels(excluded)
        return [
            spec
            for spec in self.included(using=using)
            if (not wanted or spec.label in wanted) and spec.label not in unwanted
        ]

    def _labels(self, names: Iterable[str]) -> set[str]:
        labels: set[str] = set()
        for name in names:
            if "." in name:
                labels.add(self[name].label)
                continue
            of_app = {spec.label for spec in self if spec.model._meta.app_label == name}
            if not of_app:
                raise UnknownModel(
                    f"There is no app or model {name} on this site.",
                    hint="Name models as app_label.Model; `edms_backup inventory` lists them.",
                )
            labels |= of_app
        return labels


def build_inventory(
    registry: KeyRegistry,
    options: Mapping[str, ModelOptions] | None = None,
    path_fields: Mapping[str, PathField] | None = None,
    file_roots: Mapping[str, str] | None = None,
) -> Inventory:
    """Describe every concrete model of the site.

    ``options``: by label in any case. ``path_fields``: ``app.Model.field`` in any case to the declaration
    of a text column that holds a path. ``file_roots``: names of base directories to their paths.
    """
    by_label = {label.lower(): value for label, value in (options or {}).items()}
    paths = {name.lower(): value for name, value in (path_fields or {}).items()}
    found = [
        _describe(
            model, registry, by_label.get(model._meta.label_lower, ModelOptions()), paths, file_roots or {}
        )
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and not is_plain_link(model)
    ]
    return Inventory({spec.label: spec for spec in _in_dependency_order(_with_tiers(found, by_label))})


def is_plain_link(model: type[models.Model]) -> bool:
    """Return whether a table is all that a many-to-many field makes: a key and two references.

    Packages with many-to-many fields of their own (an order, a date) let them make tables with more.
    """
    return bool(model._meta.auto_created) and len(model._meta.local_concrete_fields) <= _LINK_COLUMNS


def _describe(
    model: type[models.Model],
    registry: KeyRegistry,
    options: ModelOptions,
    paths: Mapping[str, PathField],
    file_roots: Mapping[str, str],
) -> ModelSpec:
    fate, reason = _fate(model, options)
    return ModelSpec(
        model=model,
        label=model._meta.label,
        using=router.db_for_write(model),
        fate=fate,
        reason=reason,
        tier=options.tier or Tier.STANDARD,
        key=registry.of(model),
        relations=tuple(_relations(model)),
        many_to_many=tuple(_many_to_many(model)),
        generics=tuple(_generics(model)),
        soft=tuple(map(_by_true_label, options.soft)),
        files=tuple(file_specs(model, paths, file_roots)),
        append_only=options.append_only,
        on_conflict=options.on_conflict,
        grants=options.grants,
    )


def _by_true_label(reference: SoftRef) -> SoftRef:
    """Return a declared reference with its target's own label: settings may write it in any case."""
    return replace(reference, target=concrete(apps.get_model(reference.target))._meta.label)


def _fate(model: type[models.Model], options: ModelOptions) -> tuple[Fate, str]:
    label, app = model._meta.label_lower, model._meta.app_label
    if options.fate is not None:
        return options.fate, options.reason or "settings"
    if app in _EXCLUDED_APPS:
        return Fate.EXCLUDED, _EXCLUDED_APPS[app]
    if label in _EXCLUDED_MODELS:
        return Fate.EXCLUDED, _EXCLUDED_MODELS[label]
    if not model._meta.can_migrate(router.db_for_write(model)):  # also for what Meta.required_db_… rules out
        return Fate.EXCLUDED, "unmanaged: a view, or a table that something else owns"
    if label in _FRAMEWORK_MODELS:
        return Fate.FRAMEWORK, "belongs to the code; travels by natural key"
    return Fate.INCLUDED, ""


def _relations(model: type[models.Model]) -> Iterator[Relation]:
    for column in model._meta.local_concrete_fields:
        if isinstance(column, models.ForeignKey):
            target = concrete(column.related_model)
            constrained: bool = column.db_constraint  # type: ignore[attr-defined]
            yield Relation(
                name=column.name,
                attname=column.attname,
                target=target,
                null=column.null,
                to_primary_key=column.target_field.primary_key,
                constrained=constrained,
            )


def _many_to_many(model: type[models.Model]) -> Iterator[ManyToMany]:
    for link in model._meta.local_many_to_many:
        through: Any = link.remote_field.through
        if not is_plain_link(through):
            continue  # a model of its own, which travels as one
        source: Any = through._meta.get_field(link.m2m_field_name())
        target: Any = through._meta.get_field(link.m2m_reverse_field_name())
        yield ManyToMany(
            name=link.name,
            through=through,
            source=source.attname,
            target_attname=target.attname,
            target_name=target.name,
            target=concrete(target.related_model),
        )


def _generics(model: type[models.Model]) -> Iterator[GenericRef]:
    """Yield declared generic foreign keys, then content type columns with an ``object_id`` beside them."""
    taken: set[str] = set()
    for private in model._meta.private_fields:
        if hasattr(private, "ct_field") and hasattr(private, "fk_field"):
            content_type: Any = model._meta.get_field(private.ct_field)
            if content_type.model is not model:
                continue  # inherited: its columns live in the parent's table
            taken.add(content_type.name)
            yield GenericRef(private.name, content_type.attname, content_type.name, private.fk_field)
    own = {column.name: column for column in model._meta.local_concrete_fields}
    for column in own.values():
        target = column.related_model
        if not isinstance(target, type) or target._meta.label_lower != "contenttypes.contenttype":
            continue
        object_id = next((name for name in ("object_id", "object_pk") if name in own), None)
        if column.name not in taken and object_id is not None:
            yield GenericRef(object_id, column.attname, column.name, object_id)


def user_label() -> str | None:
    """Return the label of the model of people who sign in, ``None`` where a site has none."""
    try:
        label: str = get_user_model()._meta.label
    except ImproperlyConfigured:
        return None
    return label


def _with_tiers(specs: list[ModelSpec], options: Mapping[str, ModelOptions]) -> list[ModelSpec]:
    """Give every model its tier: people and documents, what hangs on them, the rest, the framework."""
    critical = {spec.label for spec in specs if spec.files}
    user = user_label()
    if user is not None:
        critical.add(user)
    tiered = []
    for spec in specs:
        told = options.get(spec.label.lower())
        if told is not None and told.tier is not None:
            tier = told.tier
        elif spec.fate is Fate.EXCLUDED or spec.model._meta.app_label in _SYSTEM_APPS:
            tier = Tier.SYSTEM
        elif spec.label in critical:
            tier = Tier.CRITICAL
        elif any(relation.target._meta.label in critical for relation in spec.relations if not relation.null):
            tier = Tier.IMPORTANT
        else:
            tier = Tier.STANDARD
        tiered.append(replace(spec, tier=tier))
    return tiered


def _in_dependency_order(specs: list[ModelSpec]) -> list[ModelSpec]:
    """Return referenced models before those that refer to them; cycles are cut where they are met."""
    by_model = {spec.model: spec for spec in specs}
    ordered: dict[str, ModelSpec] = {}
    for root in sorted(specs, key=lambda spec: spec.label):
        stack: list[tuple[ModelSpec, Iterator[ModelSpec]]] = [(root, _targets(root, by_model))]
        open_labels = {root.label}
        while stack:
            spec, targets = stack[-1]
            following = next(
                (t for t in targets if t.label not in ordered and t.label not in open_labels), None
            )
            if following is None:
                stack.pop()
                ordered.setdefault(spec.label, spec)
            else:
                open_labels.add(following.label)
                stack.append((following, _targets(following, by_model)))
    return list(ordered.values())


def _targets(spec: ModelSpec, by_model: Mapping[type[models.Model], ModelSpec]) -> Iterator[ModelSpec]:
    wanted = [relation.target for relation in spec.relations] + [link.target for link in spec.many_to_many]
    return iter(sorted((by_model[t] for t in wanted if t in by_model), key=lambda found: found.label))
