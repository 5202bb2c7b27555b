"""``docs/python.md`` runs as it stands, on a site with rows and files; what it leaves out is named here."""

import inspect
import re
from pathlib import Path

import pytest

from edms_backup import service
from edms_backup.models import RunKind, RunState
from tests.sites import ROOT, SiteFactory

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
INTERNAL = {"from_settings", "queue", "give_up", "log_of", "audit_models", "register"}
"""Public for the modules around the service, not for faces and sites; and how one gets a service at all."""


@pytest.mark.slow
def test_the_examples_run(make_site: SiteFactory, tmp_path: Path) -> None:
    site = make_site("sqlite", seeded=True)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    settings = [block for block in blocks if "Celery(" in block or "TASKS =" in block]
    examples = [block for block in blocks if block not in settings]
    assert (len(settings), len(examples)) == (2, 4)
    script = tmp_path / "examples.py"
    waiting = (
        "import time\n"
        "until = time.monotonic() + 60\n"
        "while not service.run(run.pk).ended and time.monotonic() < until: time.sleep(0.1)\n"
        "print('state', service.run(run.pk).state)\n"
    )
    script.write_text("\n".join([*examples, waiting]))
    done = site.manage("shell", "-v", "0", "-c", f"exec(open({str(script)!r}).read(), {{}})")
    assert done.stdout.splitlines()[-1] in ("state succeeded", "state defects"), done.stdout


def test_every_public_method_is_in_the_table_and_documented() -> None:
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    kinds = set(RunKind.values) | set(RunState.values)
    public = {
        name
        for name, value in inspect.getmembers(service.BackupService)
        if not name.startswith("_") and (inspect.isroutine(value) or isinstance(value, property))
    }
    assert public - INTERNAL == {name for name in named if name in public}
    assert named - public - kinds == set()
    for name in public:
        member = inspect.getattr_static(service.BackupService, name)
        assert inspect.getdoc(member), name


def test_every_kind_and_state_is_explained() -> None:
    for word in (*RunKind.values, *RunState.values):
        assert f"| `{word}` |" in PAGE
