"""Three hosts, of which one is powered off or cut off: nothing acknowledged is lost, and work goes on.

How soon is measured by `python -m cluster`, where no other tests run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.faults import FAULTS
from cluster.network import Network, NoNetworkError
from cluster.site import ClusterSite
from cluster.trial import put_to_trial
from support.servers import MissingServerError

pytestmark = [pytest.mark.kill, pytest.mark.timeout(600)]

BRIEF = ("power-off", "cut-off")


@pytest.fixture
def network() -> Iterator[Network]:
    """Three hosts. Where namespaces cannot be made, the test is skipped, in CI too."""
    try:
        with Network(3) as hosts:
            yield hosts
    except NoNetworkError as missing:
        pytest.skip(f"three hosts: {missing}")


def test_any_host_may_burn(network: Network, tmp_path: Path, long_run: bool) -> None:
    try:
        whole = ClusterSite(network, tmp_path, replicas=1)
    except MissingServerError as missing:
        pytest.skip(str(missing))
    with whole as site:
        for name in FAULTS if long_run else BRIEF:
            try:
                trial = put_to_trial(site, name)
            except NoNetworkError:
                continue  # a kernel without netem
            assert not trial.objections, f"{trial}\n{site.tails()}"
