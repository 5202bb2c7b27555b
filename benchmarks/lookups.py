"""Looks up rows by natural key and keys by row inside of a site, and prints what a key costs.

Run as a program: ``python -m benchmarks.lookups``. Keys of one column, through one reference, and through two.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django

MODELS = ("Document", "Version", "Signature", "Entry")
KEYS = 20_000
"""Of each model at most, drawn at random."""
TIMES = 3


def main() -> None:
    """Print, for both ways and for each model, the microseconds that one key takes."""
    django.setup()
    from django.apps import apps

    from edms_backup.service import BackupService

    registry = BackupService.from_settings().registry()
    told: dict[str, dict[str, float]] = {"keys of rows": {}, "rows by key": {}}
    draw = random.Random(20_26)
    for name in MODELS:
        model = apps.get_model("records", name)
        every = list(model._base_manager.values_list("pk", flat=True))
        pks = draw.sample(every, min(KEYS, len(every)))
        lookup = registry.lookup(model)
        keys = list(lookup.keys(pks).values())
        draw.shuffle(keys)
        told["keys of rows"][name] = cost(lookup.keys, pks)
        told["rows by key"][name] = cost(lookup.pks, keys)
    json.dump(told, sys.stdout)


def cost(look_up: Callable[[Any], dict[Any, Any]], wanted: list[Any]) -> float:
    """Return the microseconds for each of ``wanted``; all of them have to be found."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found = look_up(wanted)
        taken.append(time.perf_counter() - started)
        if len(found) != len(wanted):
            raise SystemExit(f"{len(found)} of {len(wanted)} were found")
    return statistics.median(taken) / len(wanted) * 1e6


if __name__ == "__main__":
    main()
