"""Document numbers: one sequence per document type and year."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.apps import apps

if TYPE_CHECKING:
    from apps.documents.models import DocumentType


def next_document_number(document_type: DocumentType, year: int) -> str:
    """Return the number that the next document of this type gets, e.g. SOP-2026-0008.

    The sequence continues after the highest number in use, withdrawn documents and suffixes such as
    `-v02.00` included.
    """
    number_format = document_type.numbering_format
    prefix = document_type.numbering_prefix or document_type.code
    head = number_format.partition("{sequence")[0].format(prefix=prefix, year=year)
    numbers = (
        apps.get_model("documents", "Document")
        .all_objects.filter(document_number__startswith=head)
        .values_list("document_number", flat=True)
    )
    found = (re.match(r"\d+", number.removeprefix(head)) for number in numbers)
    highest = max((int(digits.group()) for digits in found if digits), default=0)
    return number_format.format(prefix=prefix, year=year, sequence=highest + 1)
