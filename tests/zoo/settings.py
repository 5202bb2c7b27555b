"""Settings of a site with the zoo in it, for tests that run the real command in a process of its own."""

from edms.settings import *  # noqa: F403
from edms.settings import INSTALLED_APPS as SANE_APPS

INSTALLED_APPS = [*SANE_APPS, "tests.zoo"]
# MariaDB knows neither unique constraints with a condition nor such over expressions.
SILENCED_SYSTEM_CHECKS = ["models.W036", "models.W044"]
