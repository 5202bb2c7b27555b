"""What the chapters of the story hand on to each other."""

from typing import Any

from apps.demo.files import FileShelf
from apps.demo.source import Source


class Site:
    """The demo site while it is being filled: its source, its files, and its rows by short names."""

    def __init__(self, source: Source, shelf: FileShelf) -> None:
        self.source = source
        self.shelf = shelf
        self.users: dict[str, Any] = {}
        self.roles: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.types: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.states: dict[str, Any] = {}
        self.documents: dict[str, Any] = {}
        self.workflow_types: dict[str, Any] = {}
        self.workflows: dict[str, Any] = {}
        self.templates: dict[str, Any] = {}
        self.trail: list[Any] = []
        self.gone: Any = None

    def user(self, username: str) -> Any:
        """Return the user of that name."""
        return self.users[username]
