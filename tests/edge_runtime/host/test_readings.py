"""Readings of the machine, from a /proc and a /sys that we wrote; what is not there is None."""

from pathlib import Path

import pytest

from edge_runtime.host.board_sensors import Wifi
from edge_runtime.host.readings import HostReader


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """A Raspberry Pi in trouble."""
    write(tmp_path, "proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1\n")
    write(tmp_path, "proc/loadavg", "0.52 0.4 0.3 1/100 999\n")
    write(tmp_path, "proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable:   2048000 kB\n")
    write(tmp_path, "proc/7/status", "Name: a\nVmRSS:\t  51200 kB\n")
    write(tmp_path, "proc/8/status", "Name: b\nVmRSS:\t  10240 kB\n")
    write(tmp_path, "proc/pressure/io", "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61234\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "not a number\n")
    write(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1500000\n")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    return tmp_path


def test_t3_everything_that_is_there_is_read(pi: Path) -> None:
    reader = HostReader(pi, pi)
    write(pi, "proc/stat", "cpu  150 0 150 900 0 0 0 0 0 0\n")

    host = reader.read([7, 8, 9], "synced")

    assert host.cpu_pct == 50.0
    assert host.cpu_freq_mhz == 1500.0
    assert host.load == 0.52
    assert host.rss_mb == 60.0
    assert host.mem_avail_mb == 2000.0
    assert host.psi == {"io": 1.5}
    assert host.temp_c == {"cpu-thermal": 61.234}
    assert host.throttle.now == ("under_voltage", "throttled")
    assert host.throttle.since_boot == ("under_voltage", "throttled")
    assert host.disk_free_mb > 0
    assert host.clock == "synced"


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    host = HostReader(tmp_path / "nowhere", tmp_path).read([1], "unsynced")

    assert (host.cpu_pct, host.load, host.rss_mb, host.throttle) == (None, None, None, None)
    assert (host.mem_avail_mb, host.disk_free_mb, host.psi, host.temp_c) == (None, None, {}, {})


def test_the_real_machine_has_a_processor_and_memory() -> None:
    host = HostReader(Path("/")).read([1], "synced")

    assert host.mem_avail_mb > 1
    assert host.load is not None


def test_a_kernel_without_the_vendors_driver_tells_the_voltage(tmp_path: Path) -> None:
    assert HostReader(tmp_path, tmp_path).throttle() is None
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")

    assert HostReader(tmp_path, tmp_path).throttle().now == ("under_voltage",)


def test_a_jetson_tells_its_gpu_and_its_rails(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/platform/gpu.0/load", "735\n")
    monitor = "sys/class/hwmon/hwmon2"
    write(tmp_path, f"{monitor}/name", "ina3221\n")
    for channel, name in ((1, "VDD_IN"), (2, "VDD_CPU_GPU_CV")):
        write(tmp_path, f"{monitor}/in{channel}_label", name)
        write(tmp_path, f"{monitor}/in{channel}_input", "5000\n")
        write(tmp_path, f"{monitor}/curr{channel}_input", f"{channel * 700}\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48500\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "gpu-thermal\n")

    host = HostReader(tmp_path, tmp_path).read([], "synced")

    assert host.gpu_load_pct == 73.5
    assert host.power_mw == {"VDD_IN": 3500.0, "VDD_CPU_GPU_CV": 7000.0}
    assert host.temp_c == {"gpu-thermal": 48.5}


def test_a_radio_tells_its_strength_and_nonsense_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path, "proc/net/wireless",
        "Inter-| sta-|   Quality        |\n face | tus | link level noise |\n"
        " wlan0: 0000   54.  -56.  -256        0\n  bad: 0000 x\n",
    )  # fmt: skip

    assert HostReader(tmp_path, tmp_path).read([], "synced").wifi == {"wlan0": Wifi(54.0, -56.0)}
