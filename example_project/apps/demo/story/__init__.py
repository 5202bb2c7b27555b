"""The demo site at scale 1, told app by app: who works there, on which documents, and what became of them."""

from types import ModuleType

from django.apps import apps

from apps.demo.files import FileShelf
from apps.demo.source import Source

from . import catalogue, flows, keys, library, machinery, people, preferences, templates, trail
from .site import Site

CHAPTERS: tuple[ModuleType, ...] = (
    people,
    catalogue,
    library,
    flows,
    trail,
    keys,
    templates,
    preferences,
    machinery,
)
"""In the order in which rows refer to each other."""

if apps.is_installed("django_celery_beat"):
    # Its factories can't even be imported where its models aren't installed.
    from . import beat

    CHAPTERS += (beat,)


def tell(source: Source, shelf: FileShelf) -> Site:
    """Fill the database and the file directories with the demo site, and return what was made."""
    site = Site(source, shelf)
    for chapter in CHAPTERS:
        chapter.tell(site)
    return site
