"""What the verbs of the service work with: settings, store, reporter, and all that is put together from them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from django.apps import apps
from django.db import connections

from edms_backup.audit import Actor, AuditTrail, Call
from edms_backup.conf import Settings, get_settings
from edms_backup.engines import Engine, get_engine
from edms_backup.events import NullReporter, Reporter
from edms_backup.history import Recording, RunRegister
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import PackageReader
from edms_backup.schema import Inventory, build_inventory
from edms_backup.schema.filefields import file_fields_by_root
from edms_backup.storage import PackageStore, get_store, locate
from edms_backup.storage.roots import FileRoot, file_roots, kept_apart


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(slots=True, kw_only=True)
class Parts:
    """The site as the service sees it; the verbs are in the modules beside this one."""

    settings: Settings
    store: PackageStore
    reporter: Reporter
    clock: Callable[[], datetime.datetime] = _now
    actor: Actor = field(default_factory=Actor.of_process)
    """Who asks; the owner of this process when nobody says."""
    recording: Recording | None = None
    """The run that is carried out with this service; ``None`` outside of one."""
    call: Call | None = None
    """What the audit trail records of it."""

    @classmethod
    def from_settings(cls, reporter: Reporter | None = None, actor: Actor | None = None) -> Self:
        """Return a service for the site's settings; raises ``ConfigurationError`` when they are wrong."""
        settings = get_settings()
        store = get_store(
            directory=settings.directory, storage=settings.storage, workdir=settings.state_directory / "work"
        )
        return cls(
            settings=settings,
            store=store,
            reporter=reporter or NullReporter(),
            actor=actor or Actor.of_process(),
        )

    @property
    def register(self) -> RunRegister:
        """Return the runs of the site."""
        return RunRegister(state_directory=self.settings.state_directory, clock=self.clock)

    @property
    def _trail(self) -> AuditTrail:
        return AuditTrail(self.settings.state_directory, self.clock, required=self.settings.audit_required)

    def registry(self) -> KeyRegistry:
        """Return what tells which natural key counts for each model of the site."""
        return KeyRegistry(self.settings.natural_keys, self.settings.prefer_uuid)

    def _inventory(self) -> Inventory:
        return self._build_inventory(self.registry())

    def _build_inventory(self, registry: KeyRegistry) -> Inventory:
        return build_inventory(
            registry, self.settings.models, self.settings.path_fields, self.settings.file_roots
        )

    def _engines(self) -> dict[str, Engine]:
        return {alias: get_engine(alias, self.settings.engines) for alias in connections}

    def _roots(self) -> dict[str, FileRoot]:
        declared = self.settings.file_roots
        return file_roots(
            declared,
            lambda: file_fields_by_root(declared, list(apps.get_models())),
            kept_apart(self.settings.state_directory, self.settings.package_directory),
        )

    @contextmanager
    def _package(self, name: str) -> Iterator[PackageReader]:
        stream, shown = locate(self.store, name)
        if self.call is not None:
            self.call.subject = shown
        with stream, PackageReader(stream, shown) as reader:
            yield reader
