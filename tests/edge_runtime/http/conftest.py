"""The app in this process, with real bundles on real engines."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from edge_runtime.config.vision import ModelConfig
from edge_runtime.http.app import make_app
from edge_runtime.http.house import House, house_of
from edge_runtime.http.served import Places, serve_bundle
from edge_runtime.http.traffic import Traffic
from tests.edge_runtime.bundles import brightness_bundle, half_bundle, sum_bundle


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """An image classifier, a regression of samples and an anomaly detector."""
    folder: Path = tmp_path_factory.mktemp("bundles")
    bundles = (brightness_bundle(folder), sum_bundle(folder), half_bundle(folder))
    return house_of(serve_bundle(b, ModelConfig(model=b.name), Places()) for b in bundles)


@pytest.fixture
def traffic() -> Traffic:
    """Nothing under way."""
    return Traffic()


@pytest.fixture
def client(house: House, traffic: Traffic) -> FlaskClient:
    """Asks the app."""
    return make_app(house, traffic).test_client()
