"""Where a way there and back may end elsewhere than it began, each with the reason; everything else is an error."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference: the datasets, places (``table.column``, ``!`` for an error) and values it is about."""

    why: str
    place: str = ""
    shown: str = ""
    dataset: str = ""

    def fits(self, dataset: str, place: str, shown: str) -> bool:
        """Return whether a difference is of this kind; every pattern has to be found."""
        pairs = ((self.dataset, dataset), (self.place, place), (self.shown, shown))
        return all(re.search(pattern, text) for pattern, text in pairs)


_MOMENT = r"\d\d:\d\d:\d\d(\.\d+)?"

STOCK: Final = {
    "microseconds": Difference(
        "Django's JSON encoder cuts moments and times to milliseconds", shown=f"{_MOMENT}.*, now .*{_MOMENT}"
    ),
    "foreign_objects": Difference(
        "stock writes a ForeignObject as the text of the row it leads to, or fails over it",
        place="^!$",
        dataset=r"^(composite_pk|foreign_object)\.",
    ),
    "other_databases": Difference(
        "stock dumps models whose table is for another kind of database, and fails",
        place="^!$",
        shown="no such table|does not exist",
    ),
    "kept": Difference(
        "loaddata leaves rows alone that migrate made and the dump does not hold", place="^django_site$"
    ),
    "files": Difference(
        "stock makes an empty text of NULL in a file column", shown="^(None|\\\\N), now ''?$"
    ),
}
"""Where stock loses; ours must be as before."""

OURS: Final = {
    "sessions": Difference("sessions end with a restore", place="^django_session(\\.|$)"),
}

MERGE: Final = {
    "kept": Difference(
        "a merge keeps rows that the package does not know: the site that migrate made", place="^django_site$"
    ),
}
"""In a merge only."""
