"""The differential test of some apps: rows out and in again by stock Django and by us, tables compared.

Runs as a process of its own, in a site that consists of these apps (``site_settings``); prints a line of JSON
for each dataset, and one of how the test methods ended that were run for them.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

# What the clock and the salt of a password make different makes no other dataset.
_TODAY = datetime.datetime.now(datetime.UTC)
_DAYS = "|".join(f"{_TODAY + datetime.timedelta(days):%Y-%m-%d}" for days in (-1, 0, 1))
_PASSING = re.compile(rf"({_DAYS})[ T][\d:.]+|md5\$\w+\$\w+")


def _zeros(found: re.Match[str]) -> str:
    return re.sub(r"\w", "0", found[0])


def main() -> None:
    """Compare every dataset of the apps named; the results go to standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("apps", nargs="+")
    parser.add_argument("--tests", type=Path, required=True)
    parser.add_argument("--methods", action="store_true")
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    sys.path.append(str(options.tests))
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    from tests.oracle.datasets import endings

    for result in _results(options):
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps({"endings": endings}) + "\n")


def _results(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from tests.oracle.datasets import datasets
    from tests.oracle.emptying import empty

    seen: set[bytes] = set()
    for app in options.apps:
        compared = 0
        for name, filled in datasets(app, options.tests, methods=options.methods):
            empty()
            started = time.monotonic()
            with filled():
                before = _tables()
                state = hashlib.sha256(_PASSING.sub(_zeros, repr(before)).encode()).digest()
                if state in seen or not _of_apps(before):
                    continue
                seen.add(state)
                written = _write()
            result = {"app": app, "name": name, "rows": _of_apps(before), **_read_back(before, written)}
            yield {**result, "seconds": round(time.monotonic() - started, 2)}
            compared += 1
            if options.limit and compared >= options.limit:
                break


def _tables() -> Any:
    from django.apps import apps

    from tests.oracle.tables import read_tables

    models = apps.get_models(include_auto_created=True)
    links = {model._meta.db_table for model in models if model._meta.auto_created}
    return read_tables(os.environ["EDMS_ORACLE_URL"], links)


def _of_apps(rows: Any) -> int:
    """Return how many rows there are besides those that Django itself makes."""
    return sum(
        len(table.rows)
        for name, table in rows.items()
        if name not in ("django_content_type", "auth_permission", "django_site")
    )


def _places() -> tuple[Path, Path]:
    home = Path(os.environ["EDMS_ORACLE_HOME"])
    return home / "stock.json", home / "ours.edms"


def _write() -> dict[str, str]:
    """Write the rows both ways; return what went wrong."""
    from django.core.management import call_command

    from edms_backup.service import BackupService, CreateRequest

    fixture, package = _places()
    package.unlink(missing_ok=True)

    def by_stock() -> None:
        # What the documentation of dumpdata recommends; content types and permissions are the site's own.
        options = {"all": True, "use_natural_foreign_keys": True, "verbosity": 0, "output": str(fixture)}
        call_command("dumpdata", exclude=["contenttypes", "auth.permission", "edms_backup"], **options)

    def by_us() -> None:
        BackupService.from_settings().create(CreateRequest(output=package))

    return {"stock": _failure(by_stock), "ours": _failure(by_us)}


def _read_back(before: Any, written: dict[str, str]) -> dict[str, dict[str, str]]:
    """Read the rows into the empty site, all ways; return where the tables differ from before."""
    from django.core.management import call_command

    from edms_backup.restore import scanned
    from edms_backup.service import BackupService, Mode, RestoreRequest
    from tests.oracle.emptying import empty
    from tests.oracle.tables import differences

    fixture, package = _places()
    few = scanned.FEW

    def restore(mode: Mode) -> None:
        # Merges go the ways that are made for many rows, replaces those for few.
        scanned.FEW = 1 if mode is Mode.MERGE else few
        request = RestoreRequest(package=str(package), mode=mode, safety_package=False)
        BackupService.from_settings().restore(request)

    ways = {
        "stock": lambda: call_command("loaddata", str(fixture), verbosity=0),
        "replace": lambda: restore(Mode.REPLACE),
        "merge": lambda: restore(Mode.MERGE),
    }
    found = {}
    for way, bring_in in ways.items():
        failed = written["stock" if way == "stock" else "ours"]
        if not failed:
            empty()
            failed = _failure(bring_in)
        found[way] = {"!": failed} if failed else differences(before, _tables())
    return found


def _failure(step: Callable[[], None]) -> str:
    """Run one step; return its error, empty when it went well."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - an error is a result here
        found = getattr(error, "findings", ())
        more = "; ".join(finding.message for finding in found)[:600]
        return f"{type(error).__name__}: {str(error)[:400]} {more}".strip()
    return ""


if __name__ == "__main__":
    main()
