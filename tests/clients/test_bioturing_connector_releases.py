"""Older releases of bioturing_connector, and the Lens connectors of all, unmodified, each in its own environment.

Every public method of every connector is called at once, as the client sleeps five seconds between looks at a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from obstore.store import S3Store

from tests.clients.bioturing_checks import CHECKS, Case
from tests.clients.bioturing_world import NEWEST, PREFIXES, World
from tests.clients.matrix import listed, record

RELEASES = {
    "1.14.0": ("LensSCConnector", "LensBulkConnector"),  # its BBrowserXConnector has tests of its own
    "1.12.0": tuple(PREFIXES),
    "1.6.3": tuple(PREFIXES),
    "1.5.3": tuple(PREFIXES),
    "1.1.1": ("BBrowserXConnector",),
}
CASES = [(release, connector) for release, connectors in RELEASES.items() for connector in connectors]
pytestmark = pytest.mark.timeout(900)  # the first one makes the environments
Checked = dict[tuple[str, str], dict[str, Future[None]]]


@pytest.fixture(scope="module")
def checked(world: World, bucket: S3Store) -> Iterator[Checked]:
    """The checks of all methods, begun side by side."""
    found: Checked = {}
    with ThreadPoolExecutor(16) as pool:
        for number, (release, connector) in enumerate(CASES):
            methods = world.old(release, connector).call("public methods").good
            case = Case(world, bucket, release, connector, number)
            missing = [name for name in methods if name not in CHECKS]
            assert missing == [], f"{release} {connector}"
            found[release, connector] = {name: pool.submit(CHECKS[name], case) for name in methods}
        yield found


@pytest.mark.parametrize(("release", "connector"), CASES)
def test_every_method_gives_what_it_should(checked: Checked, release: str, connector: str) -> None:
    faults = {name: future.exception(600) for name, future in checked[release, connector].items()}
    assert {name: repr(fault)[:1500] for name, fault in faults.items() if fault is not None} == {}


@pytest.mark.parametrize(("release", "connector"), CASES)
def test_every_method_is_in_the_matrix(world: World, release: str, connector: str) -> None:
    methods = world.old(release, connector).call("public methods").good
    known = listed("bioturing_connector", release)
    assert [name for name in methods if f"{connector}.{name}" not in known] == []


def test_newer_releases_lack_the_calls_of_ontologies(world: World) -> None:
    for connector in PREFIXES:
        methods = world.old(NEWEST, connector).call("public methods").good
        for name in ("get_ontologies_tree", "assign_standardized_meta"):
            assert name not in methods
            record("bioturing_connector", NEWEST, f"{connector}.{name}", "absent")
