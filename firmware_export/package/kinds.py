"""Every kind of package, by the name that people type."""

from firmware_export.package.arduino import arduino_files
from firmware_export.package.cmake import cmake_files
from firmware_export.package.cmsis_pack import cmsis_pack_files
from firmware_export.package.esp_idf import esp_idf_files
from firmware_export.package.kind import PackageKind
from firmware_export.package.micropython import micropython_files
from firmware_export.package.platformio import platformio_files
from firmware_export.package.shared_object import shared_object_files
from firmware_export.package.zephyr import zephyr_files

PACKAGES = {
    "cmake": PackageKind(cmake_files),
    "arduino": PackageKind(arduino_files, folder="src"),
    "platformio": PackageKind(platformio_files, folder="src"),
    "zephyr": PackageKind(zephyr_files),
    "esp-idf": PackageKind(esp_idf_files),
    "cmsis-pack": PackageKind(cmsis_pack_files),
    "micropython": PackageKind(micropython_files),
    "shared-object": PackageKind(shared_object_files),
}
