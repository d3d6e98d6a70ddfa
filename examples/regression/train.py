"""Fit the textbook regression: LinearRegression on scikit-learn's diabetes data, as ONNX.

    pip install scikit-learn skl2onnx
    python examples/regression/train.py  # writes diabetes.onnx, preprocess.toml

Ten features of 442 patients in their own units; the target is the progression of the disease after
a year (25 to 346). A quarter of the rows is held out. An int8 input has one scale for all columns,
so the columns are standardized before the model, by the bundle's preprocessing: the daemon then
takes rows in the units of the sensor.
"""

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 7
HELD_OUT = 110
HERE = Path(__file__).parent


def main() -> None:
    """Fit, print the held-out R², write the model and its preprocessing."""
    data = load_diabetes(scaled=False)
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=HELD_OUT, random_state=SEED
    )
    scaler = StandardScaler().fit(train_x)
    standardized = scaler.transform(train_x).astype(np.float32)
    model = LinearRegression().fit(standardized, train_y)
    print(f"held-out R2 {model.score(scaler.transform(test_x), test_y):.4f} of {len(test_y)}")
    content = to_onnx(model, standardized[:1], target_opset=18).SerializeToString()
    (HERE / "diabetes.onnx").write_bytes(content)
    (HERE / "preprocess.toml").write_text(preprocessing(data.feature_names, scaler))


def preprocessing(columns: list[str], scaler: StandardScaler) -> str:
    """Return the preprocessing that the bundle declares, as TOML."""
    lines = ["# Written by train.py: rows of the sensor become what the model takes."]
    lines += ['kind = "window"', f"columns = {columns}".replace("'", '"')]
    lines += [f"mean = {[round(float(value), 6) for value in scaler.mean_]}"]
    lines += [f"std = {[round(float(value), 6) for value in scaler.scale_]}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
