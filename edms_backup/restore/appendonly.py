"""restore, before conflicts are settled: a row of an append-only model that both sides know stays as it is here.

A package adds to an audit trail what is missing there; it never changes an entry. Where it holds another content for
one, the row of this site stays, the package's is refused, and a finding says so. An undo is no such restore: it
brings back the state that this site itself was in.
"""

from __future__ import annotations

from collections.abc import Iterator

from edms_backup.findings import Finding, Severity
from edms_backup.restore.keymap import KeyMap
from edms_backup.restore.keys import shown_keys
from edms_backup.restore.target import Target

_DIFFERING = (
    "model = ? AND src IS NOT NULL AND live IS NOT NULL AND src_hash <> live_hash AND refused IS NULL"
)
_NAMED = 5


def keep_entries(target: Target, keymap: KeyMap) -> Iterator[Finding]:
    """Refuse the package's rows of append-only models wherever this site has another content under their key."""
    for spec in target.specs:
        if not spec.append_only:
            continue
        model = (keymap.number(spec.label),)
        ((count,),) = keymap.ask(f"SELECT COUNT(*) FROM rows WHERE {_DIFFERING}", model)
        if not count:
            continue
        found = keymap.ask(f"SELECT key FROM rows WHERE {_DIFFERING} ORDER BY key LIMIT {_NAMED}", model)
        keymap.ask(f"UPDATE rows SET refused = 1, target = live WHERE {_DIFFERING}", model)
        shown = "; ".join(shown_keys([key for (key,) in found]))
        more = f" and {count - len(found)} more" if count > len(found) else ""
        yield Finding(
            code="append_only_kept",
            severity=Severity.DEFECT,
            message=(
                f"{spec.label} is append-only, and rows of it are not what the package holds: {shown}{more}."
                " They stay as they are."
            ),
            model=spec.label,
            count=count,
            hint="Find out who changed them: on this site since the backup, or in the package.",
        )
