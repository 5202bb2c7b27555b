"""Reading a hand-written ``natural_key()`` without a row.

The method is called once on a probe that looks like an instance and records which attributes are read.
If every member of the result is an attribute of the row or of a row it points at, the method is fully
described by field paths, which compile to joins instead of a query per row. Anything else (text made
from values, arithmetic, conditions, queries) makes the method *untraceable*; the caller then has to
call it row by row.
"""

from __future__ import annotations

import inspect
import types
from typing import Any, NoReturn

from django.core.exceptions import FieldDoesNotExist
from django.db import models


class Untraceable(Exception):
    """The method does something with a value besides returning it; the message says what."""


class _Leaf:
    """Stands for the value of one field. Any operation on it gives up."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def _refuse(self, operation: str) -> NoReturn:
        raise Untraceable(f"{operation} of {self.path}")

    def __str__(self) -> str:  # noqa: PLE0307  (never returns)
        self._refuse("text")

    def __format__(self, spec: str) -> str:
        self._refuse("text")

    def __bool__(self) -> bool:  # noqa: PLE0304  (never returns)
        self._refuse("a condition on the value")

    def __eq__(self, other: object) -> bool:
        self._refuse("comparison")

    def __hash__(self) -> int:  # noqa: PLE0309  (never returns)
        self._refuse("hash")

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse(f"{name}()")

    def __getitem__(self, index: object) -> NoReturn:
        self._refuse("a part")

    def __add__(self, other: object) -> NoReturn:
        self._refuse("addition")

    __radd__ = __add__
    __mod__ = __add__


class _Probe:
    """Stands for an instance of ``model`` reached by ``prefix``."""

    def __init__(self, model: type[models.Model], prefix: str, depth: int) -> None:
        self.__dict__.update(_model=model, _prefix=prefix, _depth=depth)

    def __getattr__(self, name: str) -> Any:
        model: type[models.Model] = self.__dict__["_model"]
        prefix: str = self.__dict__["_prefix"]
        if name == "natural_key":
            return lambda: self._nested_key(model)
        if name == "pk":
            return _Leaf(f"{prefix}pk")
        if name == "_meta":
            return model._meta
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return self._member_of_class(model, name)
        if field.is_relation and not field.many_to_many and name == getattr(field, "attname", None):
            # Another row's number, not its name (for to_field: the column that it holds).
            held = getattr(field, "target_field")  # noqa: B009  (relations have it, their stubs do not)
            return _Leaf(f"{prefix}{field.name}__{'pk' if held.primary_key else held.name}")
        return self._value_of(field, prefix)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise Untraceable(f"assignment to {name}")

    def __bool__(self) -> bool:
        raise Untraceable("a condition on a related row")

    def __str__(self) -> str:
        raise Untraceable("text of a row")

    def _value_of(self, field: Any, prefix: str) -> Any:
        if not getattr(field, "concrete", False) or field.many_to_many:
            raise Untraceable(f"{field.name} is no column")
        if field.is_relation:
            if self.__dict__["_depth"] > 8:  # a key through more rows than this is a loop
                raise Untraceable("a key that leads back to its own model")
            return _Probe(field.related_model, f"{prefix}{field.name}__", self.__dict__["_depth"] + 1)
        return _Leaf(f"{prefix}pk" if field.primary_key else f"{prefix}{field.name}")

    def _member_of_class(self, model: type[models.Model], name: str) -> Any:
        """Run the model's own methods and properties on the probe; they may do no more than read fields."""
        member = inspect.getattr_static(model, name, None)
        if inspect.isfunction(member):
            return types.MethodType(member, self)
        if isinstance(member, property) and member.fget is not None:
            return member.fget(self)
        if isinstance(member, str | int):
            return member  # a constant such as USERNAME_FIELD
        raise Untraceable(f"{name} is no field")

    def _nested_key(self, model: type[models.Model]) -> tuple[Any, ...]:
        method = getattr(model, "natural_key", None)
        if method is None:
            raise Untraceable(f"{model._meta.label} has no natural_key()")
        return tuple(method(self))


def trace(model: type[models.Model]) -> tuple[str, ...]:
    """Return the ORM paths that ``model.natural_key()`` returns, in order.

    A primary key reads as ``pk``. Raises ``Untraceable`` when the method does more than to collect
    values, fails on the probe, or returns no tuple or list.
    """
    method = getattr(model, "natural_key", None)
    if method is None:
        raise Untraceable("there is no natural_key()")
    try:
        result = method(_Probe(model, "", 0))
    except Untraceable:
        raise
    except Exception as error:  # host code may raise anything on a probe
        raise Untraceable(f"it raised {type(error).__name__} on a probe") from error
    if not isinstance(result, tuple | list):
        raise Untraceable(f"it returned {type(result).__name__} instead of a tuple")
    paths: list[str] = []
    for value in result:
        if not isinstance(value, _Leaf):
            raise Untraceable("it returns a value that is no field")
        paths.append(value.path)
    return tuple(paths)


def holds_number(model: type[models.Model], path: str) -> bool:
    """Return whether a traced path ends at a number that a database gave out: no name on another site."""
    *steps, last = path.split("__")
    current = model
    for step in steps:
        related = current._meta.get_field(step).related_model
        assert isinstance(related, type)
        current = related
    primary_key = current._meta.pk
    named = last == "pk" or (primary_key is not None and last == primary_key.name)
    return named and isinstance(primary_key, models.AutoField)


def read_path(instance: models.Model, path: str) -> Any:
    """Follow ``path`` (``a__b__c``) from an instance; a missing relation on the way gives ``None``."""
    value: Any = instance
    for step in path.split("__"):
        if value is None:
            return None
        value = getattr(value, step)
    return value
