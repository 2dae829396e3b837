"""What Lightning and torch do not say of their parameters: ranges, for `cascade.checked`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from cascade.ranges import Below, Count, Natural, NotNegative, Positive

_CountOrEndless = Literal[-1] | Count
_Batches = Count | Positive | None
_Duration = Annotated[
    str, Meta(pattern=r"^\d+:\d\d:\d\d:\d\d$", description="days:hours:minutes:seconds such as 00:01:30:00")
]
_Unit = Literal["weeks", "days", "hours", "minutes", "seconds"]
_MOMENTS: Mapping[str, Any] = {
    "lr": NotNegative,
    "betas": tuple[Below, Below],
    "eps": Positive,
    "weight_decay": NotNegative,
}

LIMITS: Mapping[str, Mapping[str, Any]] = {
    "pytorch_lightning.Trainer": {
        # What is left out here of Lightning's own ends deep inside it: other number types (our batches are float32),
        # strategies that pickle the network, profilers and accelerators that want what is not installed
        "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps"],
        "strategy": Literal["auto", "ddp"],
        "precision": Literal["32-true", "bf16-mixed", "16-mixed"],
        "profiler": Literal["simple", "advanced", None],
        "num_nodes": Count,
        "max_epochs": _CountOrEndless | None,
        "min_epochs": Natural | None,
        "max_steps": _CountOrEndless,
        "max_time": _Duration | dict[_Unit, Natural] | None,
        "accumulate_grad_batches": Count,
        "gradient_clip_val": NotNegative | None,
        "check_val_every_n_epoch": Count | None,
        "val_check_interval": Positive | None,
        "num_sanity_val_steps": Annotated[int, Meta(ge=-1)],
        # Without validation there is no best epoch, and nothing to keep
        "limit_train_batches": _Batches,
        "limit_val_batches": _Batches,
        "overfit_batches": NotNegative,
        "log_every_n_steps": Count,
    },
    "pytorch_lightning.callbacks.EarlyStopping": {"patience": Natural, "min_delta": NotNegative},
    "torch.optim.Adam": _MOMENTS,
    "torch.optim.AdamW": _MOMENTS,
    "torch.optim.SGD": {"lr": NotNegative, "momentum": NotNegative, "weight_decay": NotNegative},
}
"""By `_target_` and parameter."""
