"""create: plan → freeze → dump → files → seal → publish."""

from __future__ import annotations

import datetime
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edms_backup.create.dump import WantedFiles, dump
from edms_backup.create.files import pack_files
from edms_backup.create.freeze import (
    FrozenSource,
    ambiguity_finding,
    ambiguous_keys,
    fewer_workers,
    freeze,
)
from edms_backup.create.plan import CreatePlan
from edms_backup.create.publish import read_back
from edms_backup.create.report import CreateReport
from edms_backup.create.seal import Contents, SiteFacts, seal
from edms_backup.create.workers import Workers
from edms_backup.engines import Engine
from edms_backup.errors import UsageError
from edms_backup.events import Reporter
from edms_backup.findings import Findings
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.package import FilesEntry, Header, Manifest, PackageWriter, SealInfo
from edms_backup.schema.inventory import Inventory
from edms_backup.schema.spec import ModelSpec
from edms_backup.storage import (
    PackageStore,
    create_partial,
    package_name,
    partial_name,
    publish_file,
    store_error,
)
from edms_backup.storage.roots import FileRoot

InventoryBuilder = Callable[[KeyRegistry], Inventory]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTools:
    """What a create works with; the service puts it together."""

    engines: Mapping[str, Engine]
    registry: KeyRegistry
    build_inventory: InventoryBuilder
    roots: Mapping[str, FileRoot]
    store: PackageStore
    compression: str
    facts: SiteFacts
    reporter: Reporter
    clock: Callable[[], datetime.datetime]
    package_id: str = ""
    """The id of the package; empty: a new one."""


def run_create(plan: CreatePlan, tools: CreateTools, *, already_open: bool = False) -> CreateReport:
    """Make one package and publish it.

    ``already_open``: the caller holds transactions that keep the tables still (the safety package of a
    restore). Nothing is left behind when a step fails.
    """
    started = time.monotonic()
    now = tools.clock()
    header = _header(plan, now, tools.package_id or str(uuid.uuid4()))
    findings = Findings(list(plan.findings))
    folder, name = _place(plan, tools, header, now)
    partial = folder / partial_name(name)
    try:
        with create_partial(folder, name) as sink, _removed_afterwards(partial):
            with freeze(plan.specs, tools.engines, already_open=already_open, jobs=plan.jobs) as workers:
                manifest, info = _write(plan, tools, header, findings, sink, folder, workers)
            sink.flush()
            read_back(partial, tools.reporter)
            shown = _publish(plan, tools, partial, name)
    except OSError as error:
        raise store_error(error, "The package cannot be written") from error
    # How a package was made does not stand in it: it is the same, however many made it.
    findings.extend(
        fewer_workers(plan.request.jobs or 1, why) for why in [*plan.alone, *workers.refusals][:1]
    )
    return _report(shown, manifest, info, findings, time.monotonic() - started)


def _write(
    plan: CreatePlan,
    tools: CreateTools,
    header: Header,
    findings: Findings,
    sink: BinaryIO,
    workdir: Path,
    workers: Workers,
) -> tuple[Manifest, SealInfo]:
    """Write the whole package while the view is held: segments are lazy."""
    specs, source = _settle_keys(plan, tools, findings)
    with (
        tempfile.TemporaryDirectory(prefix="edms-create-") as scratch,
        closing(WantedFiles(Path(scratch) / "files.sqlite3")) as wanted,
        PackageWriter(sink, codec=tools.compression, workdir=workdir) as package,
    ):
        dumped = dump(specs, source, package, wanted, tools.reporter, workers)
        findings.extend(dumped.findings)
        files = FilesEntry()
        if plan.request.files:
            files = pack_files(wanted, tools.roots, package, findings, tools.reporter)
        contents = Contents(dumped=dumped, files=files, findings=findings)
        return seal(package, header, source, plan, contents, tools.facts)


def _settle_keys(
    plan: CreatePlan, tools: CreateTools, findings: Findings
) -> tuple[list[ModelSpec], FrozenSource]:
    """Check inside the view that keys name one row each; models where they do not are known by content."""
    ambiguous = list(ambiguous_keys(plan.specs, tools.registry))
    registry = tools.registry.without([spec.label for spec, _ in ambiguous])
    inventory = tools.build_inventory(registry)
    findings.extend(ambiguity_finding(spec, surplus) for spec, surplus in ambiguous)
    specs = [inventory[spec.label] for spec in plan.specs]
    return specs, FrozenSource(tools.engines, inventory, registry, tuple(findings))


def _header(plan: CreatePlan, now: datetime.datetime, package_id: str) -> Header:
    return Header(
        package_id=package_id,
        created_at=now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        label=plan.request.label,
        kind=plan.request.kind,
    )


def _place(plan: CreatePlan, tools: CreateTools, header: Header, now: datetime.datetime) -> tuple[Path, str]:
    """Return the folder for the unfinished file and the name that the package will have."""
    output = plan.request.output
    if output is None:
        return tools.store.workspace(), package_name(now, header.package_id, kind=header.kind)
    if output.exists():
        raise UsageError(
            f"{output} exists already.", hint="Choose another name; packages are never overwritten."
        )
    if not output.absolute().parent.is_dir():
        raise UsageError(
            f"There is no directory {output.parent}.", hint="Create it, or choose another --output."
        )
    return output.absolute().parent, output.name


def _publish(plan: CreatePlan, tools: CreateTools, partial: Path, name: str) -> str:
    if plan.request.output is not None:
        publish_file(partial, plan.request.output)
        return str(plan.request.output)
    return tools.store.publish(partial, name).name


@contextmanager
def _removed_afterwards(partial: Path) -> Iterator[None]:
    try:
        yield
    finally:
        partial.unlink(missing_ok=True)


def _report(
    name: str, manifest: Manifest, info: SealInfo, findings: Findings, seconds: float
) -> CreateReport:
    return CreateReport(
        package=name,
        id=manifest.header.package_id,
        sha256=info.sha256,
        rows=sum(model.rows for model in manifest.models),
        models=len(manifest.models),
        files=manifest.files.count,
        missing_files=manifest.files.missing,
        bytes=info.length,
        seconds=seconds,
        findings=tuple(findings),
    )
