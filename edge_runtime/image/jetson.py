"""A directory that is copied to an NVIDIA Jetson and installs there; it was never run on one.

JetPack 7 is Ubuntu 24.04 with Python 3.12: the package built for noble. JetPack 6 is Ubuntu 22.04
with Python 3.10, older than the daemon's: the container. The release is asked for on the device, in
/etc/nv_tegra_release (R36 is JetPack 6, R38 is JetPack 7).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edge_runtime.config.loading import load_config
from edge_runtime.errors import ImageError
from edge_runtime.image.checks import check_package, read_package
from edge_runtime.image.device_files import (
    STATE,
    DeviceFile,
    as_archive,
    device_files,
    unit_name,
)

TEGRA_RELEASES = {6: "R36", 7: "R38"}
PAYLOADS = {6: "edge-runtime.oci.tar", 7: "edge-runtime.deb"}
ARCHIVE, SUMS = "device.tar", "SHA256SUMS"
LABEL = "Written from NVIDIA's documentation; NOT RUN ON A JETSON."
README = f"""\
{LABEL}

    sudo sh install.sh               # once; needs no network
    sudo sh install.sh max-power     # and nvpmodel -m 0, jetson_clocks at every boot

TensorRT: the package's ONNX Runtime has no TensorRT. Put NVIDIA's wheel (onnxruntime_gpu, for
this JetPack's Python) beside install.sh; it then takes the place of the package's. In the
configuration: accelerator = "tensorrt" for the pipeline. Where the provider is missing the daemon
says so, and does not compute on the CPU instead. The first start builds the engine, for minutes.

nvpmodel: mode 0 is the most power on most modules; `nvpmodel -q` says which is set, and some
changes want a reboot. jetson_clocks fixes the clocks at their highest: lower latency, more heat.
"""
POWER_UNIT = """\
[Unit]
Description=Highest clocks for edge-runtime
After=nvpmodel.service
[Service]
Type=oneshot
ExecStart=/usr/sbin/nvpmodel -m 0
ExecStart=/usr/bin/jetson_clocks
[Install]
WantedBy=multi-user.target
"""
CONTAINER_UNIT = """\
[Unit]
Description=edge-runtime: inference and MQTT for {device}, in a container
Wants=network-online.target
After=network-online.target docker.service
Requires=docker.service
[Service]
Restart=on-failure
RestartSec=2
RestartForceExitStatus=75
RestartPreventExitStatus=2
ExecStart=/usr/bin/docker run --rm --name edge-runtime-{device} --runtime nvidia --network host \\
  --read-only --cap-drop=all --security-opt=no-new-privileges --tmpfs /tmp \\
  -v /etc/edge-runtime:/etc/edge-runtime:ro -v {state}:/state \\
  edge-runtime:kit run /etc/edge-runtime/{device}.toml
ExecStop=/usr/bin/docker stop -t 15 edge-runtime-{device}
[Install]
WantedBy=multi-user.target
"""
CONTAINER_USER = 10001  # of deploy/container/Containerfile
_BEGIN = """\
#!/bin/sh
# {label}
# Made by `edge-runtime image jetson-kit`: installs this device, once, as root.
set -eu
cd "$(dirname "$0")"
grep -q '^# {tegra} ' /etc/nv_tegra_release || {{
    echo "install.sh: this kit is for JetPack {jetpack} ({tegra}), found:" >&2
    head -n 1 /etc/nv_tegra_release >&2 || echo "no /etc/nv_tegra_release: no Jetson" >&2
    exit 1
}}
sha256sum --check {sums}
"""
_NATIVE = """\
dpkg --install {payload}
for wheel in onnxruntime_gpu-*.whl; do
    [ -e "$wheel" ] || continue
    rm -rf /opt/edge-runtime/lib/onnxruntime /opt/edge-runtime/lib/onnxruntime-*.dist-info
    python3 -m zipfile -e "$wheel" /opt/edge-runtime/lib
done
tar --extract --file {archive} --directory / --keep-directory-symlink
"""
_CONTAINER = """\
image="$(docker load --quiet --input {payload} | sed 's/^Loaded image[^:]*: //')"
docker tag "$image" edge-runtime:kit
tar --extract --file {archive} --directory / --keep-directory-symlink
mkdir -p {state}
chown -R {user}:{user} /etc/edge-runtime {state}
"""
_END = """\
if [ "${{1:-}}" = max-power ]; then
    cp edge-runtime-power.service /etc/systemd/system/
    systemctl enable edge-runtime-power.service
fi
systemctl daemon-reload
systemctl restart --no-block {unit}
"""


def write_jetson_kit(
    config: Path, bundles: Sequence[Path], payload: Path | None, jetpack: int, out: Path
) -> None:
    """Write the directory.

    Args:
        config: The device's configuration.
        bundles: Its models.
        payload: The package (JetPack 7) or the container's archive (JetPack 6).
        jetpack: 6 or 7.
        out: Must not exist.

    Raises:
        EdgeRuntimeError: Anything is wrong; nothing has been written then.
    """
    if payload is None or not payload.is_file():
        what = {6: "--container FILE (an OCI archive)", 7: "--package FILE (noble, arm64)"}[jetpack]
        raise ImageError(f"JetPack {jetpack} needs {what}, found {payload or 'none'}")
    if jetpack == 7:
        check_package(read_package(payload), "arm64", "noble")
    if out.exists():
        raise ImageError(f"{out}: is there already, and is not written over")
    device = load_config(config).device.id
    on_device = device_files(config, bundles)
    if jetpack == 6:
        on_device = tuple(_in_container(file, device) for file in on_device)
    files = {
        PAYLOADS[jetpack]: payload.read_bytes(),
        ARCHIVE: as_archive(on_device),
        "edge-runtime-power.service": POWER_UNIT.encode(),
    }
    sums = "".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n" for n, d in files.items())
    files |= {SUMS: sums.encode(), "README": README.encode()}
    files["install.sh"] = _installer(jetpack, device).encode()
    out.mkdir(parents=True)
    for name, data in files.items():
        (out / name).write_bytes(data)


def _in_container(file: DeviceFile, device: str) -> DeviceFile:
    """Return the unit's file with a unit that starts the container; others as they are."""
    if file.place.name != unit_name(device) or not isinstance(file.content, bytes):
        return file
    text = CONTAINER_UNIT.format(device=device, state=_state(device))
    return replace(file, content=text.encode())


def _installer(jetpack: int, device: str) -> str:
    middle = _CONTAINER if jetpack == 6 else _NATIVE
    return (_BEGIN + middle + _END).format(
        label=LABEL, tegra=TEGRA_RELEASES[jetpack], jetpack=jetpack, sums=SUMS, archive=ARCHIVE,
        payload=PAYLOADS[jetpack], unit=unit_name(device), user=CONTAINER_USER,
        state=_state(device),
    )  # fmt: skip


def _state(device: str) -> PurePosixPath:
    return STATE / "edge-runtime" / device
