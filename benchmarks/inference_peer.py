"""Roboflow's `inference` pipeline with the same model as its custom logic, and paho as its sink.

python benchmarks/inference_peer.py MODEL.onnx URL PORT

Its package (Apache-2.0) needs an environment of its own; see `runtime_bench.py --inference-python`.
All its settings are left as they are.
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime as ort
import paho.mqtt.client as mqtt
from inference import InferencePipeline

LABELS = ("dark", "bright")


def main() -> None:
    """Publish a label for every frame that the pipeline hands out."""
    model, url, port = sys.argv[1:4]
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    side = session.get_inputs()[0].shape[1]
    client = mqtt.Client()  # of paho 1.6, which this version of inference asks for
    client.connect("127.0.0.1", int(port))
    client.loop_start()

    def infer(frames: list) -> list:
        answers = []
        for frame in frames:
            image = cv2.cvtColor(cv2.resize(frame.image, (side, side)), cv2.COLOR_BGR2RGB)
            scores = session.run(None, {name: image[None].astype(np.float32) / 255.0})[0][0]
            best = int(np.argmax(scores))
            answers.append({"label": LABELS[best], "score": float(scores[best])})
        return answers

    def publish(answer: dict, _frame: object) -> None:
        client.publish("peer/pred", json.dumps(answer))

    pipeline = InferencePipeline.init_with_custom_logic(url, infer, on_prediction=publish)
    pipeline.start()
    pipeline.join()


if __name__ == "__main__":
    main()
