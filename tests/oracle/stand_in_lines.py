"""``stand_in`` for the format ``jsonl``: one record a line, which is how they stand in a package."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.base import DeserializationError
from django.db import DEFAULT_DB_ALIAS

from tests.oracle import stand_in


class Serializer(stand_in.Serializer):
    """Writes objects as our lines."""

    def write(self, records: list[Any], indent: int | None) -> None:
        """Write a line for each record."""
        self.stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def Deserializer(
    stream_or_string: Any, *, using: str = DEFAULT_DB_ALIAS, **options: Any
) -> Iterator[stand_in.ReadRow]:
    """Yield the rows of a fixture, decoded; raises ``DeserializationError`` for what does not fit."""
    text = stream_or_string if isinstance(stream_or_string, str | bytes) else stream_or_string.read()
    text = text.decode() if isinstance(text, bytes) else text
    try:
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise DeserializationError(str(error)) from error
    yield from stand_in.rows_of(records, using, options)
