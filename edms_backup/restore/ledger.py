"""What the key map says: counts for the plan, conflicts before the load, differences after it."""

from __future__ import annotations

from collections.abc import Iterator

from edms_backup.restore.keymap import KeyMap

_OURS = "src IS NOT NULL AND refused IS NULL"
_INSERTED = f"{_OURS} AND live IS NULL"
_MATCHED = f"{_OURS} AND live IS NOT NULL"
_STRANGER = "src IS NULL AND live IS NOT NULL"
_STAYS = "(src IS NULL OR refused IS NOT NULL) AND live IS NOT NULL"


def counts(keymap: KeyMap, label: str) -> dict[str, int]:
    """Return how many rows of a model are expected, before, new, changed, same, only in the target, moved."""
    columns = {
        "expected": "COUNT(src)",
        "before": "COUNT(live)",
        "new": f"COALESCE(SUM({_INSERTED}), 0)",
        "changed": f"COALESCE(SUM({_MATCHED} AND src_hash <> live_hash), 0)",
        "same": f"COALESCE(SUM({_MATCHED} AND src_hash = live_hash), 0)",
        "refused": "COALESCE(SUM(refused), 0)",
        "only_live": "COALESCE(SUM(src IS NULL), 0)",
        "moved": "COALESCE(SUM(src IS NOT NULL AND refused IS NULL AND target IS NOT NULL AND target <> src), 0)",
    }
    query = f"SELECT {', '.join(columns.values())} FROM rows WHERE model = ?"
    (found,) = keymap.ask(query, (keymap.number(label),))
    return dict(zip(columns, (int(value) for value in found), strict=True))


def live_pks_moved(keymap: KeyMap, label: str) -> bool:
    """Return whether a row that both sides know gets another primary key than it has in the target."""
    query = (
        "SELECT EXISTS (SELECT 1 FROM rows WHERE model = ? "
        "AND src IS NOT NULL AND live IS NOT NULL AND target <> live)"
    )
    return bool(keymap.ask(query, (keymap.number(label),))[0][0])


def all_new(keymap: KeyMap, label: str) -> bool:
    """Return whether every row of the package comes into an empty table, under the primary key that it had."""
    query = (
        "SELECT NOT EXISTS (SELECT 1 FROM rows WHERE model = ? "
        "AND (live IS NOT NULL OR refused IS NOT NULL OR target IS NULL OR target <> src))"
    )
    return bool(keymap.ask(query, (keymap.number(label),))[0][0])


def missing_needs(keymap: KeyMap) -> Iterator[tuple[str, bytes, str, str]]:
    """Yield (model, key, holder, field) of rows that should exist in the target and do not."""
    query = (
        "SELECT needs.model, needs.key, holder, field FROM needs LEFT JOIN rows "
        "ON rows.model = needs.model AND rows.key = needs.key WHERE rows.live IS NULL ORDER BY 1, 2"
    )
    for number, key, holder, field in keymap.ask(query):
        yield keymap.label(number), key, holder, field


def unfit_values(keymap: KeyMap) -> Iterator[tuple[str, bytes, str, str, int]]:
    """Yield (model, key of one row, field, problem, number of rows) of values that the target cannot hold."""
    query = "SELECT model, MIN(key), field, problem, COUNT(*) FROM unfit GROUP BY 1, 3, 4 ORDER BY 1, 3, 4"
    for number, key, field, problem, count in keymap.ask(query):
        yield keymap.label(number), key, field, problem, count


def resolved_by_chance(keymap: KeyMap) -> Iterator[tuple[str, bytes, str, str, bytes]]:
    """Yield (holder, its key, field, model, key of the row) where a dangling id would suddenly name a row."""
    query = (
        "SELECT holder, dangling.key, field, dangling.model, rows.key FROM dangling JOIN rows "
        "ON rows.model = dangling.model AND rows.target = dangling.pk ORDER BY 1, 2"
    )
    if not dangling_models(keymap):
        return
    keymap.index("target")
    for holder, key, field, number, other in keymap.ask(query):
        yield holder, key, field, keymap.label(number), other


def dangling_models(keymap: KeyMap) -> list[str]:
    """Return the models that references of the package pointed into without meeting a row."""
    return [keymap.label(number) for (number,) in keymap.ask("SELECT DISTINCT model FROM dangling")]


def needed_models(keymap: KeyMap) -> list[str]:
    """Return the models outside of the scope that rows of the package refer to."""
    return [keymap.label(number) for (number,) in keymap.ask("SELECT DISTINCT model FROM needs")]


def clashes(keymap: KeyMap, label: str) -> Iterator[tuple[int, bytes, bytes, bool]]:
    """Yield (constraint, key in the package, key in the target, whether the latter becomes as in the package).

    Both rows have the same value under a unique constraint, but are different rows.
    """
    query = (
        "SELECT p.rule, p.key, l.key, r.src IS NOT NULL AND r.refused IS NULL "
        "FROM uniques AS p JOIN uniques AS l "
        "ON l.model = p.model AND l.rule = p.rule AND l.value = p.value AND l.side = 1 AND l.key <> p.key "
        "JOIN rows AS r ON r.model = l.model AND r.key = l.key "
        "JOIN rows AS o ON o.model = p.model AND o.key = p.key "
        "WHERE p.model = ? AND p.side = 0 AND o.refused IS NULL ORDER BY 1, 2"
    )
    keymap.index("value")
    for rule, ours, theirs, known in keymap.ask(query, (keymap.number(label),)):
        yield rule, ours, theirs, bool(known)


def sample(keymap: KeyMap, label: str, action: str, limit: int) -> list[bytes]:
    """Return a few keys of rows that are ``inserted``, ``updated`` or only in the target (``deleted``)."""
    condition = {
        "inserted": _INSERTED,
        "updated": f"{_MATCHED} AND src_hash <> live_hash",
        "deleted": _STRANGER,
    }[action]
    query = f"SELECT key FROM rows WHERE model = ? AND {condition} ORDER BY key LIMIT ?"
    return [key for (key,) in keymap.ask(query, (keymap.number(label), limit))]


def live_state(keymap: KeyMap, label: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield (primary key, content digest) of every row of the target, for the digest of a plan."""
    query = "SELECT live, live_hash FROM rows WHERE model = ? AND live IS NOT NULL ORDER BY key"
    yield from keymap.stream(query, (keymap.number(label),))


def announces(keymap: KeyMap, label: str) -> bool:
    """Return whether the plan announced a row whose content after the load nobody can foretell."""
    query = "SELECT EXISTS (SELECT 1 FROM rows WHERE model = ? AND announced IS NOT NULL)"
    return bool(keymap.ask(query, (keymap.number(label),))[0][0])


def promised(keymap: KeyMap, label: str, *, deleted: bool) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield (content digest, primary key, whether it is the package's) of every row that the load is to leave.

    ``deleted``: rows that the package does not know go.
    """
    stays = "" if deleted else f" OR ({_STAYS})"
    query = (
        f"SELECT CASE WHEN {_OURS} THEN src_hash ELSE live_hash END, COALESCE(target, live), {_OURS} "
        f"FROM rows WHERE model = ? AND (({_OURS}){stays})"
    )
    yield from keymap.stream(query, (keymap.number(label),))


def kept_count(keymap: KeyMap, label: str) -> int:
    """Return how many rows of the package a target holds that is as promised, refused ones with an equal twin too."""
    query = f"SELECT COUNT(*) FROM rows WHERE model = ? AND (({_OURS}) OR (src IS NOT NULL AND src_hash = live_hash))"
    return int(keymap.ask(query, (keymap.number(label),))[0][0])


def loaded_hashes(keymap: KeyMap, label: str) -> Iterator[bytes]:
    """Yield the content digests that the package's rows have in the target after the load."""
    query = (
        "SELECT after.hash FROM after JOIN rows USING (model, key) WHERE model = ? AND rows.src IS NOT NULL"
    )
    for (digest,) in keymap.stream(query, (keymap.number(label),)):
        yield digest


def after_count(keymap: KeyMap, label: str) -> int:
    """Return how many rows the target has after the load."""
    return int(keymap.ask("SELECT COUNT(*) FROM after WHERE model = ?", (keymap.number(label),))[0][0])


def identical_count(keymap: KeyMap, label: str) -> int:
    """Return how many rows of the package stand in the target with the very same content."""
    query = (
        "SELECT COUNT(*) FROM rows JOIN after USING (model, key) "
        "WHERE model = ? AND rows.src IS NOT NULL AND after.hash = rows.src_hash"
    )
    return int(keymap.ask(query, (keymap.number(label),))[0][0])


def differences(keymap: KeyMap, label: str, *, deleted: bool, limit: int) -> list[tuple[str, bytes]]:
    """Return (what, key) of rows that are not what the plan promised.

    ``what``: ``missing``, ``differs``, ``wrong_key`` for rows of the package; ``touched``, ``lost`` for
    rows of the target that should have stayed as they were; ``survived`` for rows that should be gone
    (``deleted``); ``unexpected`` for rows nobody announced.
    """
    ours = "rows.src IS NOT NULL AND rows.refused IS NULL"
    stays = "(rows.src IS NULL OR rows.refused) AND rows.live IS NOT NULL"
    kinds = {
        "missing": f"{ours} AND after.key IS NULL",
        "differs": f"{ours} AND after.hash <> rows.src_hash",
        # Keys of named rows begin with a bracket. Keyless twins are equal: which has which number is no matter.
        "wrong_key": f"{ours} AND after.pk <> rows.target AND substr(rows.key, 1, 1) = x'5b'",
    }
    if deleted:
        kinds["survived"] = f"{stays} AND after.key IS NOT NULL"
    else:
        kinds["lost"] = f"{stays} AND after.key IS NULL"
        kinds["touched"] = f"{stays} AND after.hash <> rows.live_hash AND rows.announced IS NULL"
    parameters = (keymap.number(label), limit)
    found: list[tuple[str, bytes]] = []
    joined = "SELECT rows.key FROM rows LEFT JOIN after USING (model, key) WHERE model = ? AND"
    for what, condition in kinds.items():
        found.extend((what, key) for (key,) in keymap.ask(f"{joined} {condition} LIMIT ?", parameters))
    query = "SELECT after.key FROM after LEFT JOIN rows USING (model, key) WHERE model = ? AND rows.key IS NULL LIMIT ?"
    found.extend(("unexpected", key) for (key,) in keymap.ask(query, parameters))
    return found
