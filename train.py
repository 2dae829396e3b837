"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

from fer.train import main

if __name__ == "__main__":
    main()
