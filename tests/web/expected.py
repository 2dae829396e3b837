"""What Python finds in the pictures that the demo page is tested with: `python -m tests.web.expected FOLDER`."""

import json
import sys
from pathlib import Path

import cv2
from skimage.data import astronaut

from cascade.drawn.scenes import moving_scene, render_scene
from fer.inference import ExpressionRecognizer


def main(folder: Path) -> None:
    """Write five drawn scenes and the astronaut, `expected.json`, a broken picture, and a film for the fake camera."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {f"scene{index}.png": render_scene(11, index).image for index in range(5)}
    pictures["astronaut.png"] = astronaut()[..., ::-1]
    expected = {}
    for name, image in pictures.items():
        cv2.imwrite(str(folder / name), image)
        faces = ExpressionRecognizer().recognize(folder / name)
        expected[name] = [
            {"box": face.box, "label": face.shown, "shares": list(face.probabilities.values())} for face in faces
        ]
    (folder / "expected.json").write_text(json.dumps(expected, indent=1))
    (folder / "broken.png").write_bytes((folder / "scene0.png").read_bytes()[:20])
    with (folder / "camera.mjpeg").open("wb") as film:  # what Chromium takes for a camera: pictures in a row
        for scene in moving_scene(11, 30):
            film.write(cv2.imencode(".jpg", scene.image)[1].tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
