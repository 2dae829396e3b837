"""Getting fer2013 from Kaggle."""

import logging
import os
import shutil
from pathlib import Path

from filelock import FileLock

from cascade.errors import UserError
from cascade.files import whole

KAGGLE_DATASET = "deadskull7/fer2013"
KAGGLE_URL = f"https://www.kaggle.com/datasets/{KAGGLE_DATASET}"

_log = logging.getLogger(__name__)


def download_fer2013(path: Path) -> None:
    """Download Kaggle's `deadskull7/fer2013` and put its CSV at `path`, unless it is already there.

    kagglehub shows the progress, resumes an interrupted download and keeps its own copy under
    `~/.cache/kagglehub`. The file appears at `path` whole or not at all; of several processes one downloads.

    Raises:
        UserError: where kagglehub is not installed, or the download fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        if path.exists():
            return
        folder = _download()
        found = max(folder.rglob("*.csv"), key=lambda file: file.stat().st_size, default=None)
        if found is None:
            raise UserError(f"Kaggle's {KAGGLE_DATASET} was downloaded to {folder}, but holds no CSV file")
        with whole(path) as part:
            try:
                os.link(found.resolve(), part)  # no second 287 MB where both are on one disk
            except OSError:
                shutil.copyfile(found, part)
        _log.info("Downloaded %s to %s", KAGGLE_DATASET, path)


def _download() -> Path:
    try:
        import kagglehub
    except ImportError as error:
        raise UserError(
            f"data.download=true needs kagglehub, in a clone of the project: pip install -e '.[download]'; or fetch "
            f"{KAGGLE_URL} and set data.path"
        ) from error
    _log.info("Downloading %s from Kaggle", KAGGLE_DATASET)
    try:
        return Path(kagglehub.dataset_download(KAGGLE_DATASET))
    # kagglehub raises its own, requests' and the system's errors without a common base
    except Exception as error:
        raise UserError(
            f"Kaggle's {KAGGLE_DATASET} could not be downloaded ({type(error).__name__}: {error}). Check the network "
            f"and, if asked for, your token in ~/.kaggle/kaggle.json; or fetch {KAGGLE_URL} and set data.path"
        ) from error
