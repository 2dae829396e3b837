"""Training throughput, side by side: the bare network, our whole loop, the conventional pipeline.

    python -m benchmarks.throughput [--threads 2] [--rounds 3] [--batches 40]

All run in turns on the same cores, so that a busy machine slows them alike, each turn in a process of its own, so
that what one sets helps no other; what counts are the ratios. The reference, 1.0, is the plain network as one would
first write it: forward, backward and AdamW in 32 bits on tensors that lie ready on the device.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

import fer.train  # noqa: F401  # registers the schema that configs/train.yaml names
from benchmarks import CONFIGS
from fer.data.faces import Faces, Split
from fer.data.module import FaceDataModule
from fer.labels import EXPRESSIONS
from fer.models.mini_xception import MiniXception
from fer.training.callbacks.ema import EMA
from fer.training.memory import keep_freed_memory
from fer.training.module import ExpressionClassifier

BATCH, SIZE, WARM_UP = 96, 48, 5


def random_faces(count: int) -> Faces:
    images = torch.randint(0, 256, (count, 1, SIZE, SIZE), dtype=torch.uint8)
    return Faces(images, torch.randint(0, 7, (count,)))


class Ready:
    """A source of faces that exist already."""

    detail: ClassVar[int | None] = None
    classes = EXPRESSIONS

    def __init__(self, faces: Faces) -> None:
        self.faces = faces

    def load(self) -> dict[Split, Faces]:
        return {"train": self.faces, "val": Faces(self.faces.images[:BATCH], self.faces.labels[:BATCH])}


class Clock(pl.Callback):
    """Times the training batches after the first few."""

    def __init__(self) -> None:
        self.images, self.seconds, self.since = 0, 0.0, 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        _wait()
        now = time.perf_counter()
        if batch_idx >= WARM_UP:
            self.images += len(batch[0])
            self.seconds += now - self.since
        self.since = now


def plain(batches: int, device: str) -> float:
    """Images/s of the network alone."""
    network = MiniXception().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    images, labels = (torch.randn(BATCH, 1, SIZE, SIZE, device=device), torch.randint(0, 7, (BATCH,), device=device))

    def step() -> None:
        _train_step(network, optimizer, images, labels)

    for _ in range(WARM_UP):
        step()
    _wait()
    start = time.perf_counter()
    for _ in range(batches):
        step()
    _wait()
    return batches * BATCH / (time.perf_counter() - start)


def ours(batches: int, device: str, precision: str) -> float:
    """Images/s of the default recipe as `train.py` runs it: data, augmentation, Muon, averaging, logging."""
    keep_freed_memory()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train")
    model: Any = OmegaConf.to_container(config.model)
    model = {**model, "num_classes": 7}
    data = FaceDataModule(
        source=partial(Ready, random_faces((batches + WARM_UP) * BATCH)),
        batch_size=BATCH,
        augmentation=instantiate(config.augmentation),
    )
    classifier = ExpressionClassifier(
        MiniXception(),
        model,
        instantiate(config.optimizer),
        instantiate(config.scheduler),
        loss=instantiate(config.loss),
    )
    clock = Clock()
    trainer = pl.Trainer(
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision=precision,  # type: ignore[arg-type]
        max_epochs=1,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EMA(), clock],
    )
    trainer.fit(classifier, datamodule=data)
    return clock.images / clock.seconds


class PerImage(Dataset[tuple[Tensor, int]]):
    """One face at a time through torchvision, as most projects do it."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self.transform = v2.Compose(
            [
                v2.ToPILImage(),
                v2.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1)),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(brightness=0.1, contrast=0.2),
                v2.PILToTensor(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5], [0.5]),
            ]
        )

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.faces.images[index]), int(self.faces.labels[index])


def conventional(batches: int, device: str, workers: int) -> float:
    """Images/s of the plain network behind a DataLoader with per-image transforms."""
    network = MiniXception().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loader = DataLoader(
        PerImage(random_faces((batches + WARM_UP) * BATCH)), batch_size=BATCH, shuffle=True, num_workers=workers
    )
    start, images_done = 0.0, 0
    for number, (images, labels) in enumerate(loader):
        if number == WARM_UP:
            _wait()
            start = time.perf_counter()
        _train_step(network, optimizer, images.to(device), labels.to(device))
        images_done += len(images) if number >= WARM_UP else 0
    _wait()
    return images_done / (time.perf_counter() - start)


def _train_step(network: MiniXception, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> None:
    optimizer.zero_grad()
    F.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads of torch")
    parser.add_argument("--workers", type=int, default=2, help="processes of the conventional loader")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contestant; the median counts")
    parser.add_argument("--batches", type=int, default=40, help="timed batches per turn")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()

    contestants: dict[str, Callable[[], float]] = {
        "plain network, ready tensors": partial(plain, args.batches, args.device),
        "our full loop, 32-true": partial(ours, args.batches, args.device, "32-true"),
        "our full loop, bf16-mixed": partial(ours, args.batches, args.device, "bf16-mixed"),
        f"per-image transforms, {args.workers} workers": partial(conventional, args.batches, args.device, args.workers),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(args.rounds):
        for name, measure in contestants.items():
            with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (args.threads,)) as process:
                speeds[name].append(process.submit(measure).result())
    reference = statistics.median(speeds["plain network, ready tensors"])
    table = Table(title=f"Mini-Xception, batch {BATCH}, {SIZE}×{SIZE}, {args.device}, {args.threads} threads")
    for column in ("", "images/s (min - median - max)", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for name, values in speeds.items():
        median = statistics.median(values)
        table.add_row(name, f"{min(values):,.0f} - {median:,.0f} - {max(values):,.0f}", f"{median / reference:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
