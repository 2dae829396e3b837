"""The PyPI package `fer` at work, for `benchmarks.detect_speed --package`: run by the Python that has it.

Its name is this project's package's, too, so it cannot be imported beside it. Reads requests from standard
input, a line each, and answers each with a line of JSON:

    frame N     looks at frame N of the .npz file named as argument: seconds and boxes
    faces N     classifies N faces as it does those of one frame: seconds
"""

import json
import sys
import time
from typing import Any

import cv2
import numpy as np


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the package prints is no answer
    cv2.setNumThreads(int(sys.argv[2]))
    frames = np.load(sys.argv[1])
    from fer.fer import FER  # type: ignore[import-not-found, unused-ignore]

    package: Any = FER(mtcnn=False, min_face_size=50, scale_factor=1.1, min_neighbors=5)
    rng = np.random.default_rng(0)
    for request in sys.stdin:
        kind, number = request.split()
        answer: dict[str, Any] = {}
        if kind == "frame":
            frame = frames[number]
            started = time.perf_counter()
            found = package.detect_emotions(frame)
            answer["seconds"] = time.perf_counter() - started
            answer["boxes"] = [[int(v) for v in face["box"]] for face in found]
        else:
            faces = rng.uniform(-1, 1, (int(number), 64, 64)).astype(np.float32)
            started = time.perf_counter()
            package._classify_emotions(faces)
            answer["seconds"] = time.perf_counter() - started
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
