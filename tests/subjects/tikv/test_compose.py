"""The packaged compose file of TiKV: loopback only, labels, the stage profile, and what compose says of it."""

import os
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from demo.subjects.tikv.subject import FIRST_PORT, Tikv
from tests.support.fake_tikv_hub import PARTS
from tests.support.tikv_containers import ROOT

FILE = ROOT / "demo/subjects/tikv/compose.yaml"


def services() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return dict(read["services"])


def test_every_port_is_on_loopback_below_the_ephemeral_ones_and_as_the_subject_says() -> None:
    subject = Tikv()
    published = {name: [port.split(":") for port in part["ports"]] for name, part in services().items()}
    assert set(published) == set(PARTS)
    for name, ports in published.items():
        assert all(place[0] == "127.0.0.1" for place in ports)
        defaults = [int(place[2].strip("-}")) for place in ports]
        assert defaults == list(subject._plans.ports[name])
        assert all(FIRST_PORT <= port < 32768 for port in defaults)
        assert [place[-1] for place in ports] == (["2379"] if name.startswith("pd") else ["20160", "20180"])


def test_every_part_carries_the_labels_and_is_never_restarted_by_the_engine() -> None:
    for name, part in services().items():
        assert part["labels"] == {"demo.target": "true", "demo.owner": "${DEMO_OWNER:-}"}, name
        assert part["restart"] == "no"
        assert "volumes" not in part, "no bind mounts"


def test_the_images_are_pinned_and_can_be_overridden() -> None:
    images = {part["image"] for part in services().values()}
    assert images == {"${DEMO_PD_IMAGE:-pingcap/pd:v8.5.7}", "${DEMO_TIKV_IMAGE:-pingcap/tikv:v8.5.7}"}
    assert Tikv()._plans.images == ("pingcap/pd:v8.5.7", "pingcap/tikv:v8.5.7")


@pytest.mark.parametrize("command", [("docker-compose",), ("docker", "compose")], ids=" ".join)
def test_compose_takes_the_file(command: tuple[str, ...]) -> None:
    version = [*command, "version"]
    if shutil.which(command[0]) is None or subprocess.run(version, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"NOT TRIED: there is no `{' '.join(command)}` here")
    done = subprocess.run(
        [*command, "-p", "any", "-f", str(FILE), "config"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load(done.stdout)["services"]
    assert set(told) == set(PARTS)
    profile = told["tikv1"]["environment"]["STAGE_PROFILE"]
    assert 'raft-base-tick-interval = "200ms"' in profile
    assert 'raft-store-max-leader-lease = "1500ms"' in profile
    assert "tikv1" in told["tikv1"]["command"]


def test_the_faults_and_the_profile_are_documented() -> None:
    text = (ROOT / "docs/subjects/tikv.md").read_text()
    for driver in Tikv().faults:
        assert f"| `{driver.config.name}` |" in text
    for word in ("200ms", "1500ms", "pingcap/pd:v8.5.7", "pingcap/tikv:v8.5.7", "23801 to 23809", "--pd URL"):
        assert word in text
