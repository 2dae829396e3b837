"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

import sys

try:
    from fer.train import main
except KeyboardInterrupt:  # libraries take their time to load
    print("error: interrupted; nothing was begun", file=sys.stderr)
    sys.exit(130)

if __name__ == "__main__":
    main()
