"""Tests of Django's suite that fail with our reader and writer, each with the reason.

They run all the same: one that passes, or that does not exist any more, is an error (``python -m tests.oracle``).
``docs/stock-django.md`` tells the reasons at more length.
"""

from typing import Final

import django

NOT_OURS: Final = "no such option or feature: a package holds whole rows that are in a table"
QUERIES: Final = "counts the queries of stock; ours reads a table with one query for all of its rows"
WORDS: Final = "expects the words or the class of stock's error; ours refuses it too, in other words"
PARENT: Final = (
    "a primary key that is a relation stands among the fields: it is a reference and has to be resolved"
)
ORDER: Final = "links are a set: they stand in the order of their names, not in that of a manager"
MOMENTS: Final = "moments keep their microseconds, all six digits"
INSIDE: Final = "puts a mock in the place of QuerySet.order_by, and asks how often stock has called it"
REFS: Final = "a generic reference is written with the name of what it points at"

_BY_FORMAT: Final = {
    "test_serialize_field_subset": NOT_OURS,
    "test_serialize_specific_fields": NOT_OURS,
    "test_serialize_with_null_pk": NOT_OURS,
    "test_unicode_serialization": NOT_OURS,
    "test_serialize_progressbar": NOT_OURS,
    "test_deserialize_force_insert": NOT_OURS,
    "test_serialize_superfluous_queries": QUERIES,
    "test_serialize_prefetch_related_m2m": QUERIES,
    "test_serialize_prefetch_related_m2m_with_natural_keys": QUERIES,
    "test_serialize_only_pk": QUERIES,
    "test_serialize_no_only_pk_with_natural_keys": QUERIES,
    "test_helpful_error_message_for_many2many_natural1": WORDS,
    "test_helpful_error_message_for_many2many_natural2": WORDS,
    "test_helpful_error_message_for_many2many_non_natural": WORDS,
    "test_helpful_error_message_for_many2many_not_iterable": WORDS,
    "test_one_to_one_as_pk": PARENT,
    "test_deterministic_mapping_ordering": ORDER,
}

_WITH_A_CLOCK: Final = {
    "serializers.test_deserialization.TestDeserializer.test_crafted_xml_performance": (
        "measures Django's reader of XML with a clock, which depends on what else the machine does"
    ),
}
_SINCE_6_1: Final = {
    f"serializers.test_natural.NaturalKeySerializerTests.test_{format_}_natural_key_m2m_totally_ordered": INSIDE
    for format_ in ("json", "jsonl")
}

LEFT_OUT: Final[dict[str, str]] = _WITH_A_CLOCK if django.VERSION < (6, 1) else {}
"""These do not run at all."""

DESELECTED: Final[dict[str, str]] = {
    **{f"serializers.test_json.JsonSerializerTestCase.{name}": why for name, why in _BY_FORMAT.items()},
    **{f"serializers.test_jsonl.JsonlSerializerTestCase.{name}": why for name, why in _BY_FORMAT.items()},
    **{
        f"serializers.test_natural.NaturalKeySerializerTests.test_{format_}_forward_references_{kind}_errors": WORDS
        for format_ in ("json", "jsonl")
        for kind in ("fk", "m2m")
    },
    "composite_pk.tests.CompositePKFixturesTests.test_serialize_datetime": MOMENTS,
    "fixtures.tests.FixtureLoadingTests.test_dumpdata_progressbar": NOT_OURS,
    "fixtures.tests.FixtureLoadingTests.test_dumpdata_proxy_with_concrete": PARENT,
    "fixtures.tests.FixtureLoadingTests.test_dumpdata_with_filtering_manager": PARENT,
    "fixtures.tests.FixtureLoadingTests.test_loading_and_dumping": ORDER,
    "fixtures.tests.FixtureLoadingTests.test_output_formats": REFS,
    "fixtures.tests.FixtureLoadingTests.test_dumpdata_objects_with_prefetch_related": QUERIES,
    "fixtures.tests.FixtureLoadingTests.test_loaddata_error_message": WORDS,
    "fixtures.tests.FixtureLoadingTests.test_loaddata_null_characters_on_postgresql": WORDS,
    **(_SINCE_6_1 if django.VERSION >= (6, 1) else {}),
}
