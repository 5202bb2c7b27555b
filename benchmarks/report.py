"""Figures as Markdown and as JSON."""

import datetime
import json
import os
import platform
from dataclasses import asdict

import django

from benchmarks.rounds import US, Figure
from benchmarks.targets import verdicts
from tests import databases


def machine(vendors: list[str]) -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "processors": str(os.cpu_count()),
        **{vendor: databases.server_version(vendor) for vendor in vendors},
    }


def as_json(figures: list[Figure], facts: dict[str, str]) -> str:
    """Return everything for programs."""
    told = [
        {
            **asdict(v.target),
            "objects": v.objects,
            "ratio": round(v.ratio, 3),
            "unit": v.target.unit,
            "extrapolated": v.extrapolated,
            "met": v.met,
        }
        for v in verdicts(figures)
    ]
    return json.dumps({"machine": facts, "figures": [asdict(f) for f in figures], "targets": told}, indent=1)


def as_markdown(figures: list[Figure], facts: dict[str, str]) -> str:
    """Return the tables for people."""
    lines = [", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines += [
        "| database | objects | task | tool | seconds | rows/s | peak MB | ours is |",
        "|---|--:|---|---|--:|--:|--:|--:|",
    ]
    ours = {(f.vendor, f.objects, f.task): f.seconds for f in figures if f.tool == US}
    for figure in sorted(figures, key=lambda f: (f.vendor, f.task, f.objects, f.tool != US, f.tool)):
        if figure.seconds:
            lines.append(_row(figure, ours.get((figure.vendor, figure.objects, figure.task))))
    lines += ["", *_targets(figures), "", *_details(figures)]
    return "\n".join(lines) + "\n"


def _row(figure: Figure, ours: float | None) -> str:
    mark = " †" if figure.extrapolated else ""
    ratio = "" if figure.tool == US or not ours else _times(figure.seconds / ours)
    peak = f"{figure.peak_mb:.0f}" if figure.peak_mb else ""
    rate = f"{figure.objects / figure.seconds:,.0f}"
    return (
        f"| {figure.vendor} | {figure.objects:,} | {figure.task} | {figure.tool} | {figure.seconds:.2f}{mark} "
        f"| {rate} | {peak} | {ratio} |"
    )


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower"


def _targets(figures: list[Figure]) -> list[str]:
    lines = [
        "| database | objects | task | against | floor | goal | measured | |",
        "|---|--:|---|---|--:|--:|--:|---|",
    ]
    for verdict in verdicts(figures):
        target = verdict.target
        sign = "≥" if target.times_faster else "≤"
        mark = " †" if verdict.extrapolated else ""
        lines.append(
            f"| {target.vendor} | {verdict.objects:,} | {target.task} | {target.rival} | {sign} {target.floor:g} "
            f"| {sign} {target.goal:g} | {verdict.ratio:.2f} {target.unit}{mark} | {verdict.met} |"
        )
    return lines


def _details(figures: list[Figure]) -> list[str]:
    lines = []
    for figure in figures:
        if figure.details:
            told = ", ".join(f"{name} {value:.2f}" for name, value in figure.details.items())
            lines.append(f"- {figure.vendor}, {figure.objects:,}, {figure.task}: {told}")
    return lines
