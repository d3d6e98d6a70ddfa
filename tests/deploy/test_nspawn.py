"""The package in a machine that boots: installed, run by systemd in every kind of unit, removed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.mosquitto import Listener, Mosquitto, eventually
from tests.conftest import ROOT
from tests.deploy.configurations import FRAMES, VARIANTS, Variant
from tests.deploy.machine import Machine
from tests.edge_runtime.bundles import brightness_bundle, sum_bundle

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(1200)]
READY_S = 180.0


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of images and a regression of samples."""
    folder = tmp_path_factory.mktemp("bundles")
    brightness_bundle(folder)
    sum_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def machine(new_root: Callable[[], Path], bundles: Path, package: Path) -> Iterator[Machine]:
    """A booted machine with the package in it, and two bundles."""
    root = new_root()
    for place in ("srv/models", "home/pi/models"):
        shutil.copytree(bundles, root / place)
        (root / place).chmod(0o755)  # pytest's folders are for root alone
    machine = Machine(root, ((package.parent, "/srv/packages"),)).start()
    try:
        machine.run("dpkg", "--install", f"/srv/packages/{package.name}")
        print(f"booted in {machine.boot_s:.1f} s; {package.name} installed")
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def expected(
    bundles: Path, host_broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], object]:
    """What the daemon of this checkout says of the same frames, by pipeline and frame."""
    place = tmp_path_factory.mktemp("host")
    config = place / "host.toml"
    config.write_text(Variant("host").config(host_broker.port, str(bundles)))
    listener = Listener(host_broker.port, "edge/v1/deploy/host/#")
    command = [sys.executable, "-m", "edge_runtime", "run", str(config), "--until-finished"]
    environment = {**os.environ, "STATE_DIRECTORY": str(place)}
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=300, env=environment)
    answers = {**results(listener, "door"), **results(listener, "scale")}
    listener.close()
    return answers


def results(listener: Listener, pipeline: str) -> dict[tuple[str, int], object]:
    eventually(
        lambda: len(samples(listener, pipeline)) >= FRAMES,
        f"{FRAMES} samples of {pipeline}", READY_S,
    )  # fmt: skip
    return {(pipeline, p["frame"]): p["results"] for p in samples(listener, pipeline)}


def samples(listener: Listener, pipeline: str) -> list[dict[str, Any]]:
    payloads = [json.loads(heard.payload) for heard in listener.on(f"p/{pipeline}/event")]
    return [payload for payload in payloads if payload["change"] == "sample"]


def unit_name(variant: Variant) -> str:
    return f"edge-runtime-{variant.name}.service"


def install_unit(machine: Machine, variant: Variant, port: int) -> str:
    """Write configuration and unit as docs/operating.md says; return the unit's exposure."""
    config = f"/etc/edge-runtime/{variant.name}.toml"
    machine.write("/etc/edge-runtime/password", "secret\n", 0o600)
    machine.write(config, variant.config(port))
    unit = f"/etc/systemd/system/{unit_name(variant)}"
    machine.write(unit, machine.run("edge-runtime", "unit", config))
    machine.run("systemctl", "daemon-reload")
    judged = machine.run("systemd-analyze", "security", "--offline=yes", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    assert found, judged
    return found[1]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_unit_runs_and_infers_as_the_host_does(
    variant: Variant,
    machine: Machine,
    host_broker: Mosquitto,
    expected: dict[tuple[str, int], object],
    request: pytest.FixtureRequest,
) -> None:
    unit = unit_name(variant)
    exposure = install_unit(machine, variant, host_broker.port)
    topics = f"edge/v1/deploy/{variant.name}/#"
    listener = Listener(host_broker.port, topics, f"listener-{variant.name}")
    request.addfinalizer(listener.close)

    start(machine, unit)
    answers = {**results(listener, "door"), **results(listener, "scale")}
    assert answers == expected
    assert len(answers) == 2 * FRAMES
    status = listener.wait_for("/status", 1, READY_S)[-1]
    assert status.retain
    assert status.payload.decode() in (("online", "degraded") if variant.source else ("online",))
    machine.run("systemctl", "stop", unit)
    eventually(lambda: listener.texts("/status")[-1] == "stopped", "`stopped` is published")
    print(f"{unit}: exposure {exposure} (allowed {variant.limit}), {len(answers)} equal results")
    assert float(exposure) <= variant.limit


def test_the_watchdog_restarts_a_daemon_that_stands_still(
    machine: Machine, host_broker: Mosquitto
) -> None:
    variant = Variant("frozen")
    unit = unit_name(variant)
    install_unit(machine, variant, host_broker.port)
    start(machine, unit)
    before = main_pid(machine, unit)

    machine.run("sh", "-c", f"kill -STOP {before}")  # the shell's own: kill is in no minimal Debian

    eventually(lambda: main_pid(machine, unit) not in (before, "0"), "a new start", READY_S)
    eventually(
        lambda: machine.attempt("systemctl", "is-active", unit).stdout.strip() == "active",
        "ready again", READY_S,
    )  # fmt: skip
    assert "Watchdog timeout" in machine.journal(unit)
    machine.run("systemctl", "stop", unit)


def start(machine: Machine, unit: str) -> None:
    """Start a unit; one that fails says why."""
    started = machine.attempt("systemctl", "start", unit)
    if started.returncode:
        machine.attempt("systemctl", "stop", unit)  # one that fails would start again and again
        pytest.fail(machine.journal(unit)[-3000:])


def main_pid(machine: Machine, unit: str) -> str:
    return machine.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()


def test_an_upgrade_keeps_it_running_and_purge_leaves_nothing(
    machine: Machine, host_broker: Mosquitto, newer_package: Path
) -> None:
    variant = Variant("porch")
    unit = "edge-runtime@porch.service"  # the template, as the package brings it
    machine.write("/etc/edge-runtime/porch.toml", variant.config(host_broker.port))
    machine.write("/etc/systemd/system/edge-runtime@porch.service.d/camera.conf", "[Service]\n")
    machine.run("systemctl", "enable", "--now", unit)
    before = main_pid(machine, unit)

    machine.run("dpkg", "--install", f"/srv/packages/{newer_package.name}")

    assert "+b1" in machine.run("dpkg-query", "--show", "edge-runtime")
    assert main_pid(machine, unit) not in (before, "0")
    assert machine.run("systemctl", "is-active", unit).strip() == "active"

    machine.run("dpkg", "--purge", "edge-runtime")

    assert machine.attempt("systemctl", "is-active", unit).stdout.strip() != "active"
    assert leftovers(machine) == []


def leftovers(machine: Machine) -> list[str]:
    """Files of ours, but for the journal, dpkg's own notes and the units that a person wrote."""
    found = machine.run(
        "find", "/", "-xdev", "-name", "*edge-runtime*",
        "-not", "-path", "/proc/*", "-not", "-path", "/sys/*", "-not", "-path", "/srv/*",
        "-not", "-path", "/etc/systemd/system/edge-runtime-*.service",
    )  # fmt: skip
    return found.split()
