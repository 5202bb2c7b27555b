"""Rows with long values are written in pieces, and are byte for byte what Python writes of the whole row."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edms_backup.engines import copying, get_engine, linereader, locallines, longvalues, postgresql, sqlite
from edms_backup.engines.lines import Line
from edms_backup.engines.longlines import LongLine
from edms_backup.engines.reading import Tally
from edms_backup.engines.serverside import LONG
from edms_backup.errors import DumpFailed
from tests.unit.conftest import Zoo
from tests.unit.test_linereader import Both
from tests.zoo import models as animals
from tests.zoo import population
from tests.zoo.portrait import portrait

SMALL, PIECE = 16, 6
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
        st.sampled_from('"\\\n\t\x1f\x7f/é€😀\u2028'),
    ),
    max_size=60,
)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let values be long from sixteen characters on, and read six of them at once."""
    for module in (longvalues, sqlite, postgresql, linereader, locallines, copying):
        for name, value in (("LONG", SMALL), ("PIECE", PIECE)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    engine: Any = get_engine("default", {})
    server = engine.server_json
    forms = {kind: form.replace(str(LONG), str(SMALL)) for kind, form in server.forms.items()}
    monkeypatch.setattr(type(engine), "server_json", replace(server, forms=forms))
    yield


def specimen(**values: Any) -> LongLine | Line:
    """Return the line of the one specimen there is then, which both ways write alike."""
    animals.Specimen.objects.all().delete()
    animals.Specimen.objects.create(code="one", **values)
    (line,) = Both().same("zoo.Specimen")
    return line  # type: ignore[return-value]


@pytest.mark.usefixtures("short")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, blob=st.binary(max_size=40))
def test_every_text_and_every_byte(zoo: Zoo, text: str, blob: bytes) -> None:
    line = specimen(text=text, blob=blob)
    # Which texts are long is asked of the database: some count characters, some bytes.
    if max(len(text.split("\0", maxsplit=1)[0]), len(blob)) > SMALL:
        assert isinstance(line, LongLine)
    elif max(len(text.encode()), len(blob)) < SMALL:
        assert isinstance(line, Line)
    assert line.fields == Line(*line.whole()).fields
    assert b"".join(line.parts()) == line.line if isinstance(line, LongLine) else True


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("family", population.FAMILIES)
def test_every_family(zoo: Zoo, family: str) -> None:
    population.populate(family)
    both = Both()
    lines = [line for label in population.labels(family) for line in both.same(label)]
    assert lines
    assert family != "fields" or any(isinstance(line, LongLine) for line in lines)


@pytest.mark.usefixtures("short")
def test_a_value_that_looks_like_a_mark_is_read_with_its_row(zoo: Zoo) -> None:
    line = specimen(text="long " * 9)
    assert isinstance(line, LongLine)
    mark = str(line.frame.fields["text"])
    assert isinstance(specimen(text="long " * 9, document={"a": mark}), Line)
    assert isinstance(specimen(text=f'"{mark}"' * 9, blob=b"long " * 9), LongLine)


@pytest.mark.usefixtures("short")
def test_a_row_beside_half_of_a_surrogate_pair_is_read_as_a_whole(zoo: Zoo) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a server stores no half of a pair")
    half = specimen(text="é" * 40, document={"a": "\ud800"})
    assert isinstance(half, Line)
    assert b"\\u00e9" in half.line


@pytest.mark.usefixtures("short")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite holds what its columns are not for")
@pytest.mark.parametrize(
    "sql",
    [
        "char(0, 97) || 'and what comes after a NUL character'",
        "'a' || char(0) || 'NUL characters' || char(0, 0)",
        "1234567890123 || 4567890123",
    ],
)
def test_what_sqlite_holds_in_a_column_of_texts(zoo: Zoo, sql: str) -> None:
    specimen()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE zoo_specimen SET text = {sql}")
    assert Both().same("zoo.Specimen")


@pytest.mark.usefixtures("short")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite holds texts that are none")
def test_bytes_that_are_no_text_are_named(zoo: Zoo) -> None:
    specimen()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE zoo_specimen SET text = CAST(X'ff' || 'and a long rest of it' AS TEXT)")
    both = Both()
    (line,) = both.engine.lines(both.inventory["zoo.Specimen"], both.registry, both.inventory, Tally())
    with pytest.raises(DumpFailed, match=r"zoo\.Specimen\.text of the row pk=\d+ cannot be read"):
        line.content_digest()


@pytest.mark.usefixtures("short")
def test_packages_of_long_values_come_back(zoo: Zoo) -> None:
    zoo.choose("fields")
    animals.Specimen.objects.create(code="long", text='é€😀\t\r\n\\N"' * 9, blob=bytes(range(256)))
    animals.Specimen.objects.create(code="short", maybe_document=models.Value(None, models.JSONField()))
    before = portrait(["zoo.Specimen"], keys=True)
    zoo.create("zoo.Specimen")
    animals.Specimen.objects.all().delete()
    report = zoo.restore()
    assert report.models["zoo.Specimen"].identical == 2
    assert portrait(["zoo.Specimen"], keys=True) == before
    assert zoo.plan().models["zoo.Specimen"].unchanged == 2
