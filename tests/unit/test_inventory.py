"""The map of the site: fates, tiers, references, what may be chosen, and in which order models stand."""

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from edms_backup.errors import UnknownModel
from edms_backup.naturalkeys import KeyRegistry
from edms_backup.schema import Fate, Inventory, ModelOptions, Tier, build_inventory
from edms_backup.schema.filefields import PathField, file_fields_by_root
from edms_backup.schema.spec import OnConflict


def inventory_with(**options: ModelOptions) -> Inventory:
    """Build the inventory with options for models; ``__`` stands for the point of a label."""
    return build_inventory(KeyRegistry(), {name.replace("__", "."): value for name, value in options.items()})


@pytest.mark.parametrize(
    ("label", "fate", "reason"),
    [
        ("zoo.Tag", Fate.INCLUDED, ""),
        ("zoo.View", Fate.EXCLUDED, "unmanaged"),
        ("sessions.Session", Fate.EXCLUDED, "sessions end"),
        ("edms_backup.RestoreMarker", Fate.EXCLUDED, "history of this app"),
        ("contenttypes.ContentType", Fate.FRAMEWORK, "belongs to the code"),
        ("auth.Permission", Fate.FRAMEWORK, "belongs to the code"),
        ("auth.Group", Fate.INCLUDED, ""),
        ("users.User", Fate.INCLUDED, ""),
    ],
)
def test_every_model_has_a_fate_with_a_reason(
    inventory: Inventory, label: str, fate: Fate, reason: str
) -> None:
    assert inventory[label].fate is fate
    assert inventory[label].reason.startswith(reason)
    assert bool(inventory[label].reason) is (fate is not Fate.INCLUDED)


def test_every_concrete_model_is_there_once_and_no_proxy(inventory: Inventory) -> None:
    concrete = {model._meta.label for model in apps.get_models() if not model._meta.proxy}
    assert set(inventory.specs) == concrete
    assert "zoo.QuietAnimal" not in concrete
    assert inventory.of_label("zoo.quietanimal") is inventory["zoo.Animal"]
    assert inventory.of_label("gone.Model") is None


def test_settings_go_before_everything() -> None:
    found = inventory_with(
        zoo__tag=ModelOptions(fate=Fate.EXCLUDED, reason="stays"),
        zoo__View=ModelOptions(fate=Fate.FRAMEWORK),
        zoo__Hall=ModelOptions(tier=Tier.CRITICAL, append_only=True, on_conflict=OnConflict.KEEP),
    )
    assert (found["zoo.Tag"].fate, found["zoo.Tag"].reason) == (Fate.EXCLUDED, "stays")
    assert (found["zoo.View"].fate, found["zoo.View"].reason) == (Fate.FRAMEWORK, "settings")
    hall = found["zoo.Hall"]
    assert (hall.tier, hall.append_only, hall.on_conflict) == (Tier.CRITICAL, True, OnConflict.KEEP)


@pytest.mark.parametrize(
    ("label", "tier"),
    [
        ("users.User", Tier.CRITICAL),
        ("zoo.Specimen", Tier.CRITICAL),
        ("auth.Group", Tier.SYSTEM),
        ("zoo.View", Tier.SYSTEM),
        ("zoo.Tag", Tier.STANDARD),
        ("scheduler.ScheduledTask", Tier.STANDARD),
    ],
)
def test_tiers(inventory: Inventory, label: str, tier: Tier) -> None:
    assert inventory[label].tier is tier


def test_what_hangs_on_a_critical_row_is_important(inventory: Inventory) -> None:
    critical = {spec.label for spec in inventory if spec.tier is Tier.CRITICAL}
    important = [spec for spec in inventory if spec.tier is Tier.IMPORTANT]
    assert important
    for spec in important:
        assert {r.target._meta.label for r in spec.relations if not r.null} & critical, spec.label


def test_selecting_models(inventory: Inventory) -> None:
    def chosen(names: list[str], excluded: list[str]) -> set[str]:
        return {spec.label for spec in inventory.select(names, excluded, None)}

    assert chosen(["ZOO.tag"], []) == {"zoo.Tag"}
    assert chosen(["sites", "zoo.Tag"], []) == {"sites.Site", "zoo.Tag"}
    assert chosen(["zoo"], []) == {
        spec.label for spec in inventory if spec.label.startswith("zoo.") and spec.label != "zoo.View"
    }
    assert "zoo.Tag" not in chosen([], ["zoo.Tag"])
    assert not {label for label in chosen([], ["zoo"]) if label.startswith("zoo.")}
    assert chosen(["zoo.View"], []) == set(), "what stays at home is not brought along by naming it"
    assert inventory.select([], [], "elsewhere") == []


@pytest.mark.parametrize("name", ["nothing", "zoo.Nothing", "nothing.Tag"])
def test_a_name_that_nobody_knows_is_refused(inventory: Inventory, name: str) -> None:
    for names, excluded in (([name], []), ([], [name])):
        with pytest.raises(UnknownModel, match=name) as refused:
            inventory.select(names, excluded, None)
        assert "inventory" in refused.value.hint


def test_what_is_referred_to_stands_first_but_for_circles(inventory: Inventory) -> None:
    position = {label: number for number, label in enumerate(inventory.specs)}
    reach: dict[str, set[str]] = {}

    def reachable(label: str) -> set[str]:
        if label not in reach:
            reach[label], waiting = set(), [label]
            while waiting:
                spec = inventory.specs[waiting.pop()]
                targets = [r.target for r in spec.relations] + [link.target for link in spec.many_to_many]
                new = {target._meta.label for target in targets} - reach[label]
                reach[label] |= new
                waiting.extend(new)
        return reach[label]

    for spec in inventory:
        targets = [r.target for r in spec.relations] + [link.target for link in spec.many_to_many]
        for target in targets:
            label = target._meta.label
            if spec.label not in reachable(label):
                assert position[label] < position[spec.label], (spec.label, label)
    assert "zoo.Team" in reachable("zoo.Team"), "the zoo has circles"


def test_generic_references_declared_and_not(inventory: Inventory) -> None:
    labels = ("zoo.Note", "zoo.UuidNote", "zoo.SoftNote", "admin.LogEntry")
    found = [g for label in labels for g in inventory[label].generics]
    assert [(g.name, g.content_type_name, g.object_id) for g in found] == [
        ("subject", "content_type", "object_id"),
        ("subject", "kind", "ident"),
        ("object_id", "content_type", "object_id"),
        ("object_id", "content_type", "object_id"),
    ]
    assert inventory["auth.Permission"].generics == (), "a content type alone points at no row"


@isolate_apps("tests.zoo")
def test_an_inherited_generic_reference_belongs_to_the_table_that_holds_its_columns() -> None:
    from django.contrib.contenttypes.fields import GenericForeignKey
    from django.contrib.contenttypes.models import ContentType

    from edms_backup.schema.inventory import _generics

    class Remark(models.Model):
        content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
        object_id = models.IntegerField()
        subject = GenericForeignKey()

        class Meta:
            app_label = "zoo"

    class LongRemark(Remark):
        text = models.TextField()

        class Meta:
            app_label = "zoo"

    assert [g.name for g in _generics(Remark)] == ["subject"]
    assert list(_generics(LongRemark)) == []


def test_relations_say_what_they_hold(inventory: Inventory) -> None:
    (nation,) = inventory["zoo.Town"].relations
    assert (nation.attname, nation.to_primary_key, nation.null, nation.constrained) == (
        "nation_id",
        False,
        False,
        True,
    )
    (tag,) = inventory["zoo.Orphan"].relations
    assert (tag.to_primary_key, tag.constrained) == (True, False)
    links = {link.name: link.target._meta.label for link in inventory["zoo.Article"].many_to_many}
    assert links == {"tags": "zoo.Tag", "kin": "zoo.Article", "cites": "zoo.Article"}
    assert inventory["zoo.Article"].tables == [
        "zoo_article",
        "zoo_article_tags",
        "zoo_article_kin",
        "zoo_article_cites",
    ]


@pytest.mark.pitfall(51)
def test_generated_columns_and_plain_primary_keys_are_no_content(inventory: Inventory) -> None:
    specimen = {column.name for column in inventory["zoo.Specimen"].columns}
    assert "following" not in specimen
    assert "id" not in specimen
    assert [column.name for column in inventory["zoo.Passport"].columns] == ["holder", "code"]


def test_file_roots(tmp_path: str, settings: object) -> None:
    """A directory that settings name has that name; a path column has the root whose prefix fits."""
    from django.conf import settings as current

    paths = {"zoo.Author.code": PathField(roots=(("old/", "legacy"), ("", "media")), sha256="x", size="y")}
    found = build_inventory(
        KeyRegistry(), {}, paths, {"media": str(current.MEDIA_ROOT), "legacy": str(tmp_path)}
    )
    (file,) = found["zoo.Specimen"].files
    assert (file.field, file.roots) == ("file", (("", "media"),))
    (path,) = found["zoo.Author"].files
    assert (path.root_of("old/a"), path.root_of("a"), path.sha256, path.size) == ("legacy", "media", "x", "y")
    limited = PathField(roots=(("old/", "legacy"),))
    (path,) = build_inventory(KeyRegistry(), {}, {"ZOO.author.code": limited})["zoo.Author"].files
    assert path.root_of("new/a") is None


def test_a_file_field_without_a_storage_of_its_own_is_known_by_the_alias_of_the_default(
    inventory: Inventory,
) -> None:
    assert inventory["zoo.Specimen"].files[0].roots == (("", "default"),)


def test_a_storage_that_nobody_named_is_known_by_its_field(tmp_path: str) -> None:
    from django.core.files.storage import FileSystemStorage, InMemoryStorage

    remote = InMemoryStorage()
    with isolate_apps("tests.zoo"):

        class Scan(models.Model):
            near = models.FileField(storage=FileSystemStorage(location=tmp_path))
            far = models.FileField(storage=remote)

            class Meta:
                app_label = "zoo"

        found = file_fields_by_root({"near": str(tmp_path)}, [Scan])

    assert found == {"field:zoo.Scan.far": remote}
