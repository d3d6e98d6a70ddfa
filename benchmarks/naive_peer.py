"""What tutorials write: OpenCV reads, ONNX Runtime infers, paho publishes, in one loop.

python benchmarks/naive_peer.py MODEL.onnx URL PORT
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime as ort
import paho.mqtt.client as mqtt

LABELS = ("dark", "bright")


def main() -> None:
    """Publish a label for every frame until the stream ends."""
    model, url, port = sys.argv[1:4]
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    side = session.get_inputs()[0].shape[1]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(port))
    client.loop_start()
    capture = cv2.VideoCapture(url)
    while True:
        is_read, frame = capture.read()
        if not is_read:
            break
        image = cv2.cvtColor(cv2.resize(frame, (side, side)), cv2.COLOR_BGR2RGB)
        scores = session.run(None, {name: image[None].astype(np.float32) / 255.0})[0][0]
        best = int(np.argmax(scores))
        answer = {"label": LABELS[best], "score": float(scores[best])}
        client.publish("peer/pred", json.dumps(answer))


if __name__ == "__main__":
    main()
