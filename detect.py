"""Find faces and read their expressions: `python detect.py source=photo.jpg`."""

from fer.detect import main

if __name__ == "__main__":
    main()
