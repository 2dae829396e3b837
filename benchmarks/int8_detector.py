"""A convolutional cascade whose convolutions compute in 8 bits, from its file in 32.

    python -m benchmarks.int8_detector detector.onnx PICTURES out.onnx

A training writes such a file with `options.int8=true`; this is for one that was trained before. PICTURES is a folder
like those that it will look at: 200 of them, from all over it, tell the ranges of its maps.
"""

import argparse
from pathlib import Path

from cascade.convolutional.export import in_8_bits
from cascade.files import write_whole
from cascade.pictures import find_pictures, read_gray

PICTURES = 200


def main() -> None:
    """Read the arguments and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("detector", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    paths = find_pictures(given.pictures)
    chosen = paths[:: max(1, len(paths) // PICTURES)][:PICTURES]
    model = in_8_bits(given.detector.read_bytes(), map(read_gray, chosen))
    write_whole(given.out, model)
    print(f"{given.out}: {len(model):,} bytes, ranges of {len(chosen)} pictures")


if __name__ == "__main__":
    main()
