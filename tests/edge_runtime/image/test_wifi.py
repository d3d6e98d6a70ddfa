import pytest

from edge_runtime.errors import ImageError
from edge_runtime.image.wifi import pre_shared_key, wifi


@pytest.mark.parametrize(
    ("ssid", "password", "key"),
    [
        ("IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"),
        (
            "ThisIsASSID",
            "ThisIsAPassword",
            "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af",
        ),
    ],
)
def test_the_key_is_the_one_of_the_standards_examples(ssid: str, password: str, key: str) -> None:
    assert pre_shared_key(ssid, password) == key


def test_a_key_of_64_digits_is_taken_as_it_is() -> None:
    assert pre_shared_key("home", "AB" * 32) == "ab" * 32


@pytest.mark.parametrize("password", ["short", "x" * 64, "line\nbreak", ""])
def test_a_password_outside_of_wpa2_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(ImageError, match="allowed are 8 to 63") as caught:
        wifi("home", password, "DE")

    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("ssid", ["", "x" * 33, "a\0b"])
def test_a_name_outside_of_the_standard_is_refused(ssid: str) -> None:
    with pytest.raises(ImageError, match="Wi-Fi name"):
        wifi(ssid, "password", "DE")


def test_a_country_is_two_capitals() -> None:
    with pytest.raises(ImageError, match="Wi-Fi country 'Germany'"):
        wifi("home", "password", "Germany")
