"""Where a way there and back may end elsewhere than it began, each with the reason; everything else is an error.

So is an entry that is not needed any more: each names an app whose data show it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import VERSION

VENDORS: Final = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference: the datasets, places (``table.column``, ``!`` for an error) and values it is about."""

    why: str
    app: str
    """An app of Django's tests whose data show it."""
    methods: bool = False
    """Whether it takes what the test methods leave to see it."""
    vendors: tuple[str, ...] = VENDORS
    since: tuple[int, int] = (0, 0)
    """The first Django whose tests show it."""
    place: str = ""
    shown: str = ""
    dataset: str = ""

    def fits(self, dataset: str, place: str, shown: str) -> bool:
        """Return whether a difference is of this kind; every pattern has to be found."""
        pairs = ((self.dataset, dataset), (self.place, place), (self.shown, shown))
        return all(re.search(pattern, text) for pattern, text in pairs)


_MOMENT = r"\d\d:\d\d:\d\d(\.\d+)?"

_PADDED = Difference(
    "SQLite's clock writes three digits of a second, Django six: the same moment in other words",
    app="field_defaults",
    methods=True,
    vendors=("sqlite",),
    shown=r"^'(?P<moment>.*:\d\d\.\d{3})', now '(?P=moment)000'$",
)
_UNWRITABLE = Difference(
    "a field whose values have no text: nothing can be written, and both say so",
    app="custom_pk",
    methods=True,
    place="^!$",
    shown="__str__ returned non-string",
)
_BLANKS = Difference(
    "SQLite keeps JSON as a text: what something else than Django has written comes back with Django's blanks",
    app="model_fields",
    methods=True,
    vendors=("sqlite",),
    since=(6, 1),
    shown=r"""^'\{"a":1\}', now '\{"a": 1\}'$""",
)

STOCK: Final = {
    "padded": _PADDED,
    "unwritable": _UNWRITABLE,
    "blanks": _BLANKS,
    "microseconds": Difference(
        "Django's JSON encoder cuts moments and times to milliseconds",
        app="serializers",
        shown=f"{_MOMENT}.*, now .*{_MOMENT}",
    ),
    "foreign_objects": Difference(
        "stock writes a ForeignObject as the text of the row it leads to, or fails over it",
        app="foreign_object",
        place="^!$",
        dataset=r"^(composite_pk|foreign_object)\.",
    ),
    "other_databases": Difference(
        "stock dumps models whose table is for another kind of database, and fails",
        app="constraints",
        place="^!$",
        shown="no such table|does not exist",
    ),
    "json_null": Difference(
        "a fixture has one word for JSON null and for SQL NULL",
        app="model_fields",
        methods=True,
        vendors=("sqlite",),  # on PostgreSQL stock cannot dump this app, see other_databases
        shown=r"^('null', now None|null, now \\N)$",
    ),
    "json_null_refused": Difference(
        "a fixture has one word for JSON null and for SQL NULL, which the column does not take",
        app="model_fields",
        methods=True,
        vendors=("sqlite",),  # on PostgreSQL as above
        since=(6, 1),
        place="^!$",
        shown=r"NOT NULL constraint failed: model_fields_json(null|default)*model\.value",
    ),
    "json_class": Difference(
        "what a class of JSON field makes of a value on its way to the database, loaddata has it make again",
        app="model_fields",
        methods=True,
        vendors=("sqlite",),
        place=r"^model_fields_customserializationjsonmodel\.json_field$",
    ),
    "zero": Difference(
        "loaddata sets a sequence to the highest primary key, and PostgreSQL has no sequence at 0",
        app="serializers",
        methods=True,
        vendors=("postgresql",),
        place="^!$",
        shown="setval: value 0 is out of bounds",
    ),
    "files": Difference(
        "stock makes an empty text of NULL in a file column",
        app="expressions_case",
        methods=True,
        shown="^(None|\\\\N), now ('')?$",
    ),
    "order": Difference(
        "loaddata numbers the rows of order_with_respect_to anew, as if each were made now",
        app="order_with_respect_to",
        methods=True,
        place=r"\._order$",
    ),
    "hidden_links": Difference(
        "dumpdata asks the default manager for links, with --all too: those to rows that it hides are lost",
        app="custom_managers",
        methods=True,
        place="^custom_managers_book_fun_authors$",
    ),
}
"""Where stock loses; ours must be as before."""

OURS: Final = {
    "padded": _PADDED,
    "unwritable": _UNWRITABLE,
    "blanks": _BLANKS,
    "sessions": Difference("sessions end with a restore", app="admin_utils", place="^django_session(\\.|$)"),
    "refused_key": Difference(
        "a natural_key() that raises: nobody can name the row, so no package is made",
        app="serializers",
        methods=True,
        place="^!$",
        shown=r"^DumpFailed: serializers\.FKAsPKNoNaturalKey\.natural_key\(\) .* NotImplementedError",
    ),
}

MERGE: Final = {
    "kept": Difference(
        "a merge keeps rows that the package does not know: the site that migrate made",
        app="contenttypes_tests",
        place="^django_site$",
    ),
}
"""In a merge only."""

WAYS: Final[Mapping[str, Mapping[str, Difference]]] = {
    "stock": STOCK,
    "replace": OURS,
    "merge": {**OURS, **MERGE},
}


def entry_for(way: str, dataset: str, place: str, shown: str) -> str | None:
    """Return the name of the first entry that a difference is of; ``None`` when it stands in no list."""
    entries = WAYS[way].items()
    return next((name for name, entry in entries if entry.fits(dataset, place, shown)), None)


def reasons(way: str, results: Iterable[dict[str, Any]]) -> Counter[str]:
    """Return by entry in how many datasets a way shows it."""
    found: Counter[str] = Counter()
    for result in results:
        pairs = result[way].items()
        found.update({entry_for(way, result["name"], place, shown) or "" for place, shown in pairs} - {""})
    return found


def unneeded(
    vendor: str, apps: Collection[str], results: Collection[dict[str, Any]], *, methods: bool
) -> list[str]:
    """Return the entries that the data of these apps ought to show on a vendor, and do not."""
    return [
        f"{way}, {name}: is listed, but {entry.app} does not show it any more"
        for way, entries in WAYS.items()
        for name, entry in entries.items()
        if entry.app in apps
        and vendor in entry.vendors
        and entry.since <= VERSION
        and (methods or not entry.methods)
        and not reasons(way, [result for result in results if result["app"] == entry.app])[name]
    ]
