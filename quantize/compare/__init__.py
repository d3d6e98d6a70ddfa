"""Comparing any two of: float or int8, ONNX or TFLite, and exported C built for this machine."""
