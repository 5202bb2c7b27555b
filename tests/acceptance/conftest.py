"""The sites of the acceptance tests: one story for each vendor, told once and looked at by many tests.

original ── a package of it
    └─ disaster: re-initialised, then used for a day ── merge, replace, …
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from tests import databases
from tests.acceptance.independent import Image, read_image
from tests.conftest import skip_unless_present
from tests.sites import ROOT, Site, SiteTemplates, build_site

T = TypeVar("T")
INSIDE = Path(__file__).with_name("inside.py")


def inside(site: Site, action: str, *arguments: str | Path) -> Any:
    """Let an action of ``inside.py`` happen in a process of the site; return its result."""
    done = subprocess.run(
        [sys.executable, str(INSIDE), action, *map(str, arguments)],
        env={**site.env, "PYTHONPATH": f"{ROOT}:{ROOT / 'example_project'}"},
        cwd=site.data_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{action} in {site.data_dir.name} failed\n{done.stderr}", pytrace=False)
    return json.loads(done.stdout)


def image_of(site: Site) -> Image:
    """Return the image of a site as it is now."""
    target = site.data_dir.with_suffix(".image.json")
    inside(site, "take_image", target)
    return read_image(target)


@dataclass(frozen=True)
class Restored:
    """A site after a restore: what the command wrote, and what is there."""

    site: Site
    said: str
    image: Image

    @property
    def report(self) -> dict[str, Any]:
        """Return the one JSON document on standard output."""
        document: dict[str, Any] = json.loads(self.said)
        return document


class Chapter(Generic[T]):
    """A property of a story that is told once. When that fails, whoever asks next hears how, at once."""

    def __init__(self, tell: "Callable[[Story], T]") -> None:
        self._tell = tell
        self.__doc__ = tell.__doc__

    def __get__(self, story: "Story", owner: object = None) -> T:
        name = self._tell.__name__
        if name not in story.told:
            try:
                story.told[name] = self._tell(story)
            except pytest.fail.Exception as failure:
                story.told[name] = failure
        if isinstance(story.told[name], pytest.fail.Exception):
            raise story.told[name]
        found: T = story.told[name]
        return found


class Story:
    """The sites of one vendor. Each is made when it is first asked for, as are the images of what it was then.

    To copy and to drop databases takes time, so that a chapter goes on at the site of the one before: tests
    look at images, not at sites.
    """

    def __init__(self, vendor: str, templates: SiteTemplates, directory: Path) -> None:
        """Keep everything in ``directory``."""
        self.vendor = vendor
        self._templates = templates
        self._directory = directory
        self._made: list[str] = []
        self.told: dict[str, Any] = {}

    def copy(self, site: Site, name: str) -> Site:
        """Return a new site with the rows and files of another one, which nobody is connected to."""
        url = databases.create_database(self.vendor, self._directory, site.database_url)
        self._made.append(url)
        shutil.copytree(site.data_dir, self._directory / name)
        return build_site(self.vendor, url, self._directory / name)

    def drop(self) -> None:
        """Drop the databases."""
        for url in self._made:
            databases.drop_database(url)

    def empty(self, name: str) -> Site:
        """Return a site that ``migrate`` has been run on, and nothing else."""
        return self.copy(self._templates.site(self.vendor), name)

    @Chapter
    def original(self) -> Site:
        """The site as it was; once the disaster has been asked for, it is no more."""
        return self.copy(self._templates.site(self.vendor, seeded=True), "site")

    @Chapter
    def created(self) -> str:
        """What the command wrote when it made a package of the original."""
        return self.original.manage("edms_backup", "create", "--json").stdout

    @Chapter
    def package(self) -> Path:
        """The original's package, outside of its store."""
        name = json.loads(self.created)["package"]
        return Path(shutil.copy(self.original.data_dir / "backups" / name, self._directory / name))

    @Chapter
    def before(self) -> Image:
        """The image of the original."""
        return image_of(self.original)

    @Chapter
    def disaster(self) -> Site:
        """The same site after a re-initialisation, and a day of use. Its store still has the package."""
        assert self.package.exists() and self.before.count
        site = self.original
        site.manage("system_reinit", "--yes", "--shift-ids")
        self._between = self._directory / "between.image.json"
        inside(site, "live_a_day", self._between)
        return site

    @Chapter
    def between(self) -> Image:
        """The image of the site after the disaster, right before the restore."""
        assert self.disaster
        return read_image(self._between)

    @Chapter
    def merged(self) -> Restored:
        """The site after the disaster and a merge of the latest package."""
        return self.restore(self.copy(self.disaster, "merged"), "latest", "--json")

    @Chapter
    def again(self) -> Restored:
        """The site that was merged into, after the same once more."""
        return self.restore(self.merged.site, self.package, "--json")

    @Chapter
    def replaced(self) -> Restored:
        """The site after the disaster and a restore that replaces everything."""
        return self.restore(self.copy(self.disaster, "replaced"), "latest", "--mode", "replace", "--json")

    @Chapter
    def fresh(self) -> Restored:
        """Another site: an empty, migrated database, and the package from elsewhere."""
        return self.restore(self.empty("fresh"), self.package)

    @Chapter
    def merged_in_use(self) -> dict[str, Any]:
        """What came of using the site that was merged into."""
        found: dict[str, Any] = inside(self.again.site, "use_the_edms")
        return found

    @Chapter
    def replaced_in_use(self) -> dict[str, Any]:
        """What came of using the site whose content was replaced."""
        found: dict[str, Any] = inside(self.replaced.site, "use_the_edms")
        return found

    def restore(self, site: Site, *arguments: str | Path) -> Restored:
        """Run the real command at a site without asking back, and look at the site."""
        done = site.manage("edms_backup", "restore", *arguments, "--yes")
        return Restored(site=site, said=done.stdout, image=image_of(site))


Stories = Callable[[str], Story]


@pytest.fixture(scope="session")
def stories(site_templates: SiteTemplates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    """Give a function that returns the story of a vendor, the same one for the whole session."""
    begun: dict[str, Story] = {}

    def story_of(vendor: str) -> Story:
        skip_unless_present(vendor)
        if vendor not in begun:
            directory = tmp_path_factory.mktemp(f"story-{vendor}")
            begun[vendor] = Story(vendor, site_templates, directory)
        return begun[vendor]

    yield story_of
    for story in begun.values():
        story.drop()


@pytest.fixture
def story(stories: Stories, vendor: str) -> Story:
    """Give the story of each vendor in turn."""
    return stories(vendor)
