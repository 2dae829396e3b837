"""Find faces and read their expressions: `python detect.py source=photo.jpg`."""

import sys

try:
    from fer.detect import main
except KeyboardInterrupt:  # libraries take their time to load
    print("error: interrupted; nothing was begun", file=sys.stderr)
    sys.exit(130)

if __name__ == "__main__":
    main()
