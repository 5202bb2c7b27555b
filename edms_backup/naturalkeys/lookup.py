"""Many rows by their natural keys, and the natural keys of many rows, in few queries.

Nothing is remembered from one call to the next: each answer is what the database says at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import connections, models

from edms_backup.errors import NaturalKeyError
from edms_backup.naturalkeys.paths import base_queryset, columns_along, outer_join_all, value_reader

Key = tuple[Any, ...]
"""Python values in the order of the paths, as ``natural_key()`` returns them."""

BATCH = 2000
"""Values in one query, where the database does not set a lower limit."""
_FIRST = 64
_SURPLUS = 4
"""Rows read for each key that was asked for, above which the next query asks for fewer keys at once."""


class KeyLookup:
    """Finds rows of one model by natural key, and keys by primary key, as the database has them now.

    ``paths``: the ORM paths of the key; ``using``: the database. With ``by_method`` the key is known to the
    model's own ``natural_key()`` and ``get_by_natural_key()`` alone: rows are then found one by one.
    ``KeyRegistry.lookup()`` makes one for the key that counts on a site.

    Keys are compared as Python compares them, whatever the database's collation takes for equal. A part that
    is ``None`` stands for NULL; a key of nothing but ``None`` names no row.
    """

    def __init__(
        self, model: type[models.Model], paths: Sequence[str], using: str, *, by_method: bool = False
    ) -> None:
        self.model = model
        self.paths = tuple(paths)
        self.using = using
        self.by_method = by_method

    def pks(self, keys: Iterable[Sequence[Any]]) -> dict[Key, Any]:
        """Return the primary key of the row that each key names; keys that name none are left out.

        Raises ``MultipleObjectsReturned`` like ``get()``, and ``NaturalKeyError`` for a key with more or fewer
        values than there are paths.
        """
        if self.by_method:
            return {key: row.pk for key, row in self._called(keys)}
        return self._find(keys, ["pk"], lambda values: values[0])

    def rows(self, keys: Iterable[Sequence[Any]]) -> dict[Key, Any]:
        """Return the row that each key names, as an instance; otherwise like ``pks``."""
        if self.by_method:
            return dict(self._called(keys))
        names = [column.attname for column in self.model._meta.concrete_fields]
        return self._find(keys, names, lambda values: self.model.from_db(self.using, names, values))

    def keys(self, pks: Iterable[Any]) -> dict[Any, Key]:
        """Return the natural key of the row with each primary key; primary keys of no row are left out.

        A primary key may be given as text. A reference that leads nowhere gives ``None`` for its parts.
        """
        read = value_reader(self.model._meta.pk, self.using)
        wanted: dict[Any, list[Any]] = {}
        for given in pks:
            pk = read(given)
            if pk is not None:
                wanted.setdefault(pk, []).append(given)
        found: dict[Any, Key] = {}
        for chunk in _chunks(list(wanted), self._room(["pk"])):
            for pk, key in self._keys_of(chunk):
                # A collation may take another spelling for equal; that is another row's primary key.
                found.update((given, key) for given in wanted.get(pk, ()))
        return found

    def _keys_of(self, pks: list[Any]) -> Iterator[tuple[Any, Key]]:
        queryset = base_queryset(self.model, self.using).filter(pk__in=pks)
        if self.by_method:
            for row in queryset:
                yield row.pk, tuple(row.natural_key())
            return
        queryset = queryset.values_list("pk", *self.paths)
        outer_join_all(queryset)
        for pk, *key in queryset:
            yield pk, tuple(key)

    def _find(
        self, keys: Iterable[Sequence[Any]], names: list[str], make: Callable[[Sequence[Any]], Any]
    ) -> dict[Key, Any]:
        """Return what ``make`` makes of the columns ``names`` of the row that each key names."""
        wanted = self._wanted(keys)
        found: dict[Key, Any] = {}
        several = len(self.paths) > 1
        room = self._room(self.paths)
        # Neighbours have parts in common, so a query for them asks for less.
        order = sorted(wanted, key=lambda key: [str(part) for part in key]) if several else list(wanted)
        size, start = min(room, _FIRST) if several else room, 0
        while start < len(order):
            chunk = order[start : start + size]
            start, asked, surplus = start + size, set(chunk), 0
            for record in self._select(names, chunk):
                key = record[len(names) :]
                if key not in asked:
                    surplus += 1
                elif key in found:
                    raise self.model.MultipleObjectsReturned(  # type: ignore[attr-defined]
                        f"{self.model._meta.label} {', '.join(map(str, key))} names more than one row."
                    )
                else:
                    found[key] = make(record[: len(names)])
            size = max(1, size // 8) if surplus > _SURPLUS * len(chunk) else min(room, size * 2)
        return {given: found[key] for key, as_given in wanted.items() if key in found for given in as_given}

    def _select(self, names: list[str], keys: list[Key]) -> models.QuerySet[Any, Any]:
        """Return the rows whose every part is that of one of the keys: these, and mixtures of them.

        One list of values for each path is what every database answers from its indexes, over joins too; a
        list of whole keys is not.
        """
        queryset = base_queryset(self.model, self.using)
        with_null = False
        for path, values in zip(self.paths, zip(*keys, strict=True), strict=True):
            known = [value for value in dict.fromkeys(values) if value is not None]
            condition = models.Q(**{f"{path}__in": known}) if known else models.Q()
            if None in values:
                with_null = True
                condition |= models.Q(**{f"{path}__isnull": True})
            queryset = queryset.filter(condition)
        selected = queryset.values_list(*names, *self.paths)
        if with_null:
            outer_join_all(selected)
        return selected

    def _wanted(self, keys: Iterable[Sequence[Any]]) -> dict[Key, list[Key]]:
        """Return keys as the columns hold them, with the keys as they were given."""
        readers = [value_reader(columns_along(self.model, path)[-1], self.using) for path in self.paths]
        wanted: dict[Key, list[Key]] = {}
        for given in map(tuple, keys):
            if len(given) != len(readers):
                raise NaturalKeyError(
                    f"{self.model._meta.label} is named by {len(readers)} values ({', '.join(self.paths)}), "
                    f"got {len(given)}."
                )
            key = tuple(
                [None if part is None else read(part) for read, part in zip(readers, given, strict=True)]
            )
            nulls = key.count(None)
            if nulls and (nulls == len(key) or nulls > given.count(None)):
                continue  # no name at all, or a part that its column cannot hold
            try:
                hash(given)
                wanted.setdefault(key, []).append(given)
            except TypeError:
                raise NaturalKeyError(
                    f"A natural key of {self.model._meta.label} holds a value that cannot be compared: "
                    f"{', '.join(type(part).__name__ for part in given)}.",
                    hint="Lists, dictionaries and the like name no row.",
                ) from None
        return wanted

    def _called(self, keys: Iterable[Sequence[Any]]) -> Iterator[tuple[Key, Any]]:
        """Yield what the host's own manager finds, key by key."""
        manager: Any = self.model._default_manager.db_manager(self.using)
        for key in dict.fromkeys(map(tuple, keys)):
            try:
                yield key, manager.get_by_natural_key(*key)
            except ObjectDoesNotExist:
                continue

    def _room(self, paths: Sequence[str]) -> int:
        """Return for how many keys there is room in one query, if every one has other parts."""
        limit = connections[self.using].features.max_query_params
        ends = [columns_along(self.model, path)[-1] for path in paths]
        width = sum(len(getattr(column, "fields", "1")) for column in ends)  # a composite key has several
        return BATCH if limit is None else max(1, min(BATCH, limit // width))


def _chunks(values: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
