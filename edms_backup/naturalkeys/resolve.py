"""Which natural key counts for a model, and what it looks like as flat field paths.

Order: settings, ``register()``, the model's own declaration or traced method when a unique constraint
backs it, a unique constraint, an unbacked method, the primary key when it is itself a name (text, uuid,
relation, composite). A model with none of these is *keyless*: its rows are known by their content.
"""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models, router

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys import derive
from edms_backup.naturalkeys.declare import registered
from edms_backup.naturalkeys.lookup import KeyLookup
from edms_backup.naturalkeys.paths import concrete
from edms_backup.naturalkeys.trace import Untraceable, holds_number, trace

_NUMBER = "natural_key() contains the primary key"


class KeySource(enum.StrEnum):
    """Where a natural key comes from."""

    SETTINGS = "settings"
    REGISTERED = "registered"
    DECLARED = "declared"
    METHOD = "method"
    CONSTRAINT = "constraint"
    PRIMARY_KEY = "primary key"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """The natural key of one model."""

    label: str
    source: KeySource
    components: tuple[str, ...]
    """What was declared: names of own fields, ``pk``, or deeper paths. Empty for a keyless model."""
    paths: tuple[str, ...]
    """The same, foreign keys expanded to the leaves that they stand for."""
    unique: bool
    """Whether the database guarantees that no two rows share it."""
    by_method: bool = False
    """Whether only the model's own method, called row by row, can tell the key."""
    why: str = ""

    @property
    def keyless(self) -> bool:
        """Return whether rows have no name and are known by their content."""
        return not self.components and not self.by_method

    @property
    def by_primary_key(self) -> bool:
        """Return whether the primary key is part of the name."""
        return "pk" in self.components


@dataclass(slots=True)
class KeyRegistry:
    """Answers which key a model has; one instance per run, so that a run sees one set of declarations.

    ``declarations``: labels in any case to field names (``EDMS_BACKUP["NATURAL_KEYS"]``).
    ``prefer_uuid``: whether a unique uuid goes before numbers, codes and names when a key is derived.
    """

    declarations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefer_uuid: bool = False
    keyless: frozenset[str] = frozenset()
    """Lower-case labels whose rows are known by content, whatever keys are declared."""
    _specs: dict[str, KeySpec] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _unsure: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)

    def of(self, model: type[models.Model]) -> KeySpec:
        """Return the key of ``model`` (a proxy has the key of its concrete model).

        Raises ``NaturalKeyError`` when a declaration names a field that does not exist, or leads back to
        its own model.
        """
        model = concrete(model)
        label = model._meta.label_lower
        if label in self._specs:
            return self._specs[label]
        with self._lock:  # what is open is so for one thread at a time
            return self._found(model, label)

    def _found(self, model: type[models.Model], label: str) -> KeySpec:
        if label in self._open:
            # What is found out on the way back holds for this way only: nothing of it is remembered.
            self._unsure.update(self._open[self._open.index(label) + 1 :])
            raise NaturalKeyError(
                f"The natural key of {model._meta.label} leads back to itself through {' → '.join(self._open)}.",
                hint="Declare a key without that relation in EDMS_BACKUP['NATURAL_KEYS'].",
            )
        self._open.append(label)
        try:
            spec = self._choose(model)
        finally:
            self._open.pop()
        if label in self._unsure:
            self._unsure.discard(label)
        else:
            self._specs[label] = spec
        return spec

    def lookup(self, model: type[models.Model], using: str = "") -> KeyLookup:
        """Return what finds rows of ``model`` by the key that counts, and their keys, many at a time.

        ``using``: the database; by default the one that the site's routers read from. Raises
        ``NaturalKeyError`` for a keyless model, and like ``of``.
        """
        key = self.of(model)
        if key.keyless:
            raise NaturalKeyError(
                f"{key.label} has no natural key ({key.why}); nothing can be looked up by it.",
                hint=f"Declare a key for {key.label} in EDMS_BACKUP['NATURAL_KEYS'].",
            )
        using = using or router.db_for_read(model)
        return KeyLookup(concrete(model), key.paths, using, by_method=key.by_method)

    def without(self, labels: Iterable[str]) -> KeyRegistry:
        """Return a registry in which the rows of ``labels`` are known by content."""
        lower = {label.lower() for label in labels}
        return KeyRegistry(self.declarations, self.prefer_uuid, self.keyless | lower)

    def offers(self, model: type[models.Model]) -> Iterator[tuple[str, ...]]:
        """Yield the components of every key that may name rows of ``model`` here: what counts, and what else would.

        Raises ``NaturalKeyError`` like ``of``.
        """
        model = concrete(model)
        yield self.of(model).components
        for declared in (
            registered().get(model._meta.label_lower),
            getattr(model, "natural_key_fields", None),
        ):
            if declared is not None:
                yield declared.fields
        yield self._discover(model).components  # what counted as long as nothing was declared
        traced, _ = self._traced(model)
        if traced is not None:
            yield traced.components
        yield from derive.ranked(model)
        uuid = derive.derive_uuid(model)
        if uuid is not None:
            yield uuid

    def _choose(self, model: type[models.Model]) -> KeySpec:
        label = model._meta.label_lower
        if label in self.keyless:
            return self._by_content(model, "its natural key does not name one row each")
        settings = {name.lower(): fields for name, fields in self.declarations.items()}
        if label in settings:
            return self._spec(model, KeySource.SETTINGS, settings[label])
        if label in registered():
            return self._spec(model, KeySource.REGISTERED, registered()[label].fields)
        declaration = getattr(model, "natural_key_fields", None)
        if declaration is not None:
            return self._spec(model, KeySource.DECLARED, declaration.fields)
        return self._discover(model)

    def _discover(self, model: type[models.Model]) -> KeySpec:
        """Choose among what the model itself offers: method, constraint, primary key, content."""
        traced, reason = self._traced(model)
        if traced is not None and traced.unique:
            return traced
        derived = self._derived(model, reason)
        if derived is not None:
            return derived
        if traced is not None:
            return traced
        if reason and _manager_finds_by_key(model) and _NUMBER not in reason:
            return KeySpec(
                label=model._meta.label,
                source=KeySource.METHOD,
                components=(),
                paths=(),
                unique=False,
                by_method=True,
                why=f"natural_key() is called row by row: {reason}",
            )
        return self._primary_key(model, reason)

    def _derived(self, model: type[models.Model], reason: str) -> KeySpec | None:
        """Return the best unique constraint whose columns lead to names, all the way."""
        candidates = list(derive.ranked(model))
        uuid = derive.derive_uuid(model) if self.prefer_uuid else None
        for names in [uuid, *candidates] if uuid else candidates:
            try:
                return self._spec(model, KeySource.CONSTRAINT, names, why=reason)
            except NaturalKeyError:
                continue  # nobody declared it: the next constraint may do
        return None

    def _traced(self, model: type[models.Model]) -> tuple[KeySpec | None, str]:
        """Return the spec that the model's method describes, or the reason why there is none."""
        if not hasattr(model, "natural_key"):
            return None, ""
        try:
            paths = trace(model)
            if not paths:
                return None, "natural_key() is empty"
            if any(holds_number(model, path) for path in paths):
                return None, _NUMBER
            return self._spec(model, KeySource.METHOD, self._fold(model, paths), why="traced"), ""
        except Untraceable as why:
            if holds_number_of(model, str(why)):
                return None, f"{_NUMBER} ({why})"
            return None, f"natural_key(): {why}"
        except NaturalKeyError as why:
            return None, f"natural_key(): {why}"

    def _primary_key(self, model: type[models.Model], reason: str) -> KeySpec:
        primary_key = model._meta.pk
        assert primary_key is not None
        members = getattr(primary_key, "fields", None) or [primary_key]
        if any(member.is_relation for member in members):
            try:
                return self._spec(model, KeySource.PRIMARY_KEY, [m.name for m in members], why=reason)
            except NaturalKeyError as error:
                return self._by_content(model, str(error))
        if not isinstance(primary_key, models.AutoField):
            return self._spec(model, KeySource.PRIMARY_KEY, ("pk",), why=reason)
        return self._by_content(model, reason or "no unique constraint and no natural key")

    def _by_content(self, model: type[models.Model], why: str) -> KeySpec:
        return KeySpec(
            label=model._meta.label, source=KeySource.CONTENT, components=(), paths=(), unique=False, why=why
        )

    def _spec(
        self, model: type[models.Model], source: KeySource, components: Iterable[str], *, why: str = ""
    ) -> KeySpec:
        names = tuple(_as_pk(model, name) for name in components)
        paths = self.flatten(model, names)
        return KeySpec(
            label=model._meta.label,
            source=source,
            components=names,
            paths=paths,
            unique=self._backed(model, names, paths),
            why=why,
        )

    def flatten(self, model: type[models.Model], components: Iterable[str]) -> tuple[str, ...]:
        """Return ``components`` with every foreign key expanded to the key of the row it points at.

        Raises ``NaturalKeyError`` for a name that is no column, or for a row without a name.
        """
        return tuple(path for name in components for path in self._expand(model, name))

    def _expand(self, model: type[models.Model], component: str) -> tuple[str, ...]:
        current: type[models.Model] = model
        *steps, last = component.split("__")
        for step in steps:
            current = _target(current, step, model, component)
        if last == "pk":
            return (component,)
        column = _field(current, last, model, component)
        if not column.is_relation:
            return (component,)
        if not column.target_field.primary_key:
            return (f"{component}__{column.target_field.name}",)  # to_field: the column holds content
        target = self.of(column.related_model)
        if not target.paths:
            raise NaturalKeyError(
                f"The natural key of {model._meta.label} goes through {component}, "
                f"but rows of {target.label} have no key that fields tell.",
                hint=f"Declare a key for {target.label} in EDMS_BACKUP['NATURAL_KEYS'].",
            )
        return tuple(f"{component}__{leaf}" for leaf in target.paths)

    def _fold(self, model: type[models.Model], paths: tuple[str, ...]) -> tuple[str, ...]:
        """Write runs of ``fk__…`` paths as ``fk`` where they are exactly the key of its target."""
        folded: list[str] = []
        position = 0
        while position < len(paths):
            name = paths[position].split("__")[0]
            leaves = (name,) if name in ("pk", paths[position]) else self._expand(model, name)
            if paths[position : position + len(leaves)] == leaves:
                folded.append(name)
                position += len(leaves)
            else:
                folded.append(paths[position])
                position += 1
        return tuple(folded)

    def _covered(self, model: type[models.Model], candidate: Iterable[str], paths: tuple[str, ...]) -> bool:
        try:
            return set(self.flatten(model, candidate)) <= set(paths)
        except NaturalKeyError:
            return False  # a constraint that leads nowhere backs nothing

    def _backed(self, model: type[models.Model], names: tuple[str, ...], paths: tuple[str, ...]) -> bool:
        """Return whether a unique, NULL-free constraint (or the primary key) covers the key."""
        primary_key = model._meta.pk
        if "pk" in names or (primary_key is not None and primary_key.name in names):
            return True
        for candidate in derive.unique_sets(model):
            columns = [model._meta.get_field(name) for name in candidate]
            if any(column.null for column in columns):
                continue
            if set(candidate) <= set(names):
                return True
            if any(column.is_relation and column.related_model is model for column in columns):
                continue
            if self._covered(model, candidate, paths):
                return True
        return False


def holds_number_of(model: type[models.Model], reason: str) -> bool:
    """Return whether an untraceable method gave up at a number that a database gave out."""
    found = re.search(r" of ((?:\w+__)?pk)$", reason)
    return found is not None and holds_number(model, found[1])


def _as_pk(model: type[models.Model], name: str) -> str:
    """Return ``pk`` for the plain primary key column, else the name as it is."""
    primary_key = model._meta.pk
    if primary_key is not None and name == primary_key.name and not primary_key.is_relation:
        return "pk"
    return name


def _field(current: type[models.Model], name: str, model: type[models.Model], component: str) -> Any:
    try:
        column = current._meta.get_field(name)
    except FieldDoesNotExist:
        raise NaturalKeyError(
            f"The natural key of {model._meta.label} names {component}, which {current._meta.label} does not have.",
            hint="Correct EDMS_BACKUP['NATURAL_KEYS'] or the registration.",
        ) from None
    if not getattr(column, "concrete", False) or column.many_to_many:
        raise NaturalKeyError(
            f"The natural key of {model._meta.label} names {component}, which is no column of {current._meta.label}.",
            hint="A key is made of columns and foreign keys.",
        )
    return column


def _target(
    current: type[models.Model], name: str, model: type[models.Model], component: str
) -> type[models.Model]:
    column = _field(current, name, model, component)
    if not column.is_relation:
        raise NaturalKeyError(
            f"The natural key of {model._meta.label} follows {component}, but {name} is no relation."
        )
    related: type[models.Model] = column.related_model
    return concrete(related)


def _manager_finds_by_key(model: type[models.Model]) -> bool:
    return hasattr(model._default_manager, "get_by_natural_key")
