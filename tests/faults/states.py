"""What a site is at one moment, seen past Django: every row of every table, every file."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tests import databases
from tests.sites import Site

OWN_TABLES = {
    "edms_backup_restoremarker",
    "edms_backup_run",
    "edms_backup_auditevent",
    "sqlite_sequence",
    "sqlite_stat1",
}
"""Not the site's data: what a restore notes about itself, SQLite's counters and statistics."""
STORE = "backups"
STATE = ".state"


@dataclass(frozen=True)
class State:
    """Digests of rows by table and of contents by path; equal states are equal sites."""

    tables: dict[str, str]
    files: dict[str, str]

    def differences(self, other: "State") -> list[str]:
        """Return the tables and files that are not the same, for the message of a failed test."""
        return [
            name
            for ours, theirs in ((self.tables, other.tables), (self.files, other.files))
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]


def state_of(site: Site) -> State:
    """Return the state of a site as it is now. What lies in its store is not part of it."""
    files = {}
    for path in sorted(site.data_dir.rglob("*")):
        name = path.relative_to(site.data_dir)
        if path.is_file() and name.parts[0] != STORE:
            files[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return State(tables=_tables(site), files=files)


def _tables(site: Site) -> dict[str, str]:
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
        "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
    }[site.vendor]
    quote = "`" if site.vendor == "mariadb" else '"'
    digests = {}
    with databases.connect(site.database_url) as connection:
        cursor = connection.cursor()
        cursor.execute(names)
        for (table,) in cursor.fetchall():
            if table not in OWN_TABLES:
                cursor.execute(f"SELECT * FROM {quote}{table}{quote}")
                columns = [column[0] for column in cursor.description]
                # Links have numbers that nothing refers to; they are the same links under other numbers.
                links = len(columns) == 3 and [name[-3:] for name in columns[1:]] == ["_id", "_id"]
                rows = sorted(repr(row[1:] if links else row) for row in cursor.fetchall())
                digests[table] = f"{len(rows)} rows {hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}"
    return digests


def packages(site: Site) -> list[str]:
    """Return the names of what stands in the store for everybody to see."""
    return sorted(path.name for path in (site.data_dir / STORE).glob("[!.]*"))


def leftovers(site: Site) -> list[str]:
    """Return what no ended run may leave: unfinished files, staged contents, journals that are not closed."""
    store = site.data_dir / STORE
    found = [path for path in store.glob(".*") if path.name != STATE]
    found.extend(site.data_dir.rglob(".edms-restore-*"))
    found.extend(site.data_dir.rglob("*.edms-partial"))
    for folder in (store / STATE / "restores").glob("*"):
        record = folder / "record.json"
        found.extend(folder.glob(".*"))
        if not record.is_file() or json.loads(record.read_text("utf-8"))["state"] == "running":
            found.append(folder)
    return sorted({str(path.relative_to(site.data_dir)) for path in found})


def scratch(directory: Path) -> list[str]:
    """Return what lies in a directory for temporary files."""
    return sorted(path.name for path in directory.glob("edms-*"))
