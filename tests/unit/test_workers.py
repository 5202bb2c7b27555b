"""Workers: results in order whoever ends first, the error of one as if there were no others, nobody left."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from edms_backup.create.report import CreateRequest
from edms_backup.create.workers import Workers
from edms_backup.errors import DatabaseUnavailable, UsageError
from tests.unit.conftest import Zoo
from tests.zoo import models as zoo_models


class Views:
    """Views that remember who holds them."""

    def __init__(self, refused: int = 0, error: BaseException | None = None) -> None:
        self.held: set[str] = set()
        self.broken_off = threading.Event()
        self._refused = refused
        self._error = error or DatabaseUnavailable("too many connections")
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[Callable[[], None]]:
        with self._lock:
            self._refused -= 1
            if self._refused >= 0:
                raise self._error
            self.held.add(threading.current_thread().name)
        try:
            yield self.broken_off.set
        finally:
            self.held.discard(threading.current_thread().name)


def nothing() -> None:
    """Do nothing meanwhile."""


def working(views: Views, count: int) -> Workers:
    workers = Workers()
    workers.begin(views, count)
    return workers


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    views, by = Views(), set()

    def work(number: int) -> int:
        by.add(threading.current_thread().name)
        time.sleep(0.05 if number == 0 else 0.001)
        return number * number

    with closing(working(views, count)) as workers:
        assert len(views.held) == count
        assert workers.run(work, range(12), nothing) == [number * number for number in range(12)]
        assert workers.run(work, range(2), nothing) == [0, 1]
    assert views.held == set()
    assert by <= ({f"edms-create-{number}" for number in range(1, 5)} if count else {"MainThread"})


def test_an_error_ends_the_others_even_while_they_wait() -> None:
    views, waits, after = Views(), threading.Event(), []

    def work(number: int) -> None:
        if number == 0:
            waits.set()
            assert views.broken_off.wait(20), "nobody breaks it off"
            raise OperationalError("canceled")  # what the driver makes of it, and nobody wants to hear
        if number == 1:
            assert waits.wait(20)
            raise KeyError("one")
        after.append(number)

    with closing(working(views, 2)) as workers, pytest.raises(KeyError, match="one"):
        workers.run(work, range(100), nothing)
    assert views.held == set()
    assert after == []


def test_work_under_way_ends_when_it_is_not_wanted_any_more() -> None:
    views = Views()

    def interrupt() -> None:
        raise KeyboardInterrupt

    with closing(working(views, 2)) as workers:

        def work(number: int) -> None:
            while True:
                workers.go_on()
                time.sleep(0.001)

        with pytest.raises(KeyboardInterrupt):
            workers.run(work, range(4), interrupt)
        assert views.held == set()


def test_who_gets_no_connection_leaves_the_work_to_the_others() -> None:
    views = Views(refused=2)
    with closing(working(views, 3)) as workers:
        assert workers.refusals == ["too many connections"] * 2
        assert workers.run(str, [1, 2], nothing) == ["1", "2"]
        assert len(views.held) == 1


def test_a_mistake_at_the_beginning_is_raised() -> None:
    views = Views(refused=1, error=KeyError("mistake"))
    workers = Workers()
    with closing(workers), pytest.raises(KeyError, match="mistake"):
        workers.begin(views, 2)
    assert views.held == set()


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_workers_are_refused(zoo: Zoo, jobs: int) -> None:
    with pytest.raises(UsageError, match=f"{jobs} workers cannot make a package"):
        zoo.service.create(CreateRequest(models=("zoo.Tag",), jobs=jobs))


def told(report: Any) -> list[str]:
    return [finding.message for finding in report.findings if finding.code == "fewer_workers"]


def test_the_settings_say_how_many_unless_the_request_does(zoo: Zoo) -> None:
    """Where the view can be shared nothing is said; where it cannot (in memory, on MariaDB), once."""
    zoo_models.Tag.objects.create(code="t")
    zoo.configure(CREATE_JOBS=4)
    models = ("zoo.Tag", "zoo.Author")
    asked = [told(zoo.service.create(CreateRequest(models=models, jobs=jobs))) for jobs in (None, 1, 2)]
    if connection.vendor == "postgresql":
        assert asked == [[], [], []]
        return
    assert [len(said) for said in asked] == [1, 0, 1]
    assert asked[0][0].startswith("Not all of 4 workers took part: engine ")
    assert asked[2][0].startswith("Not all of 2 workers took part: engine ")
    assert zoo.service.show("latest").manifest.findings == ()
