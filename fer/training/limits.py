"""What Lightning and torch do not say of their parameters: ranges, for `cascade.checked`."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from cascade.ranges import Below, Count, Natural, NotNegative, Positive

_OrAll = Annotated[int, Meta(ge=-1)]
_Batches = Natural | NotNegative | None
_MOMENTS: Mapping[str, Any] = {
    "lr": NotNegative,
    "betas": tuple[Below, Below],
    "eps": Positive,
    "weight_decay": NotNegative,
}

LIMITS: Mapping[str, Mapping[str, Any]] = {
    "pytorch_lightning.Trainer": {
        "num_nodes": Count,
        "max_epochs": _OrAll | None,
        "min_epochs": Natural | None,
        "max_steps": _OrAll,
        "accumulate_grad_batches": Count,
        "gradient_clip_val": NotNegative | None,
        "check_val_every_n_epoch": Count | None,
        "val_check_interval": Positive | None,
        "num_sanity_val_steps": _OrAll,
        "limit_train_batches": _Batches,
        "limit_val_batches": _Batches,
        "overfit_batches": NotNegative,
        "log_every_n_steps": Natural,
    },
    "pytorch_lightning.callbacks.EarlyStopping": {"patience": Natural, "min_delta": NotNegative},
    "torch.optim.Adam": _MOMENTS,
    "torch.optim.AdamW": _MOMENTS,
    "torch.optim.SGD": {"lr": NotNegative, "momentum": NotNegative, "weight_decay": NotNegative},
}
"""By `_target_` and parameter."""
