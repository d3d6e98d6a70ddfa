"""What layers are called: by the user, and after a stage has changed what their channels hold."""

import re

EQUALIZED = "/equalized"
PRUNED = "/pruned"
_ADDED = re.compile(rf"(({EQUALIZED}|{PRUNED})(_\d+)?)+$")


def given_name(name: str) -> str:
    """Return the name that a layer's output had in the model, before stages renamed it."""
    return _ADDED.sub("", name)
