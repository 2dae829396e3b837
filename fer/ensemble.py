"""`python -m fer.ensemble members=[a.ckpt,b.ckpt] output=ensemble.ckpt`: trained networks that judge together."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from cascade.command import run_command
from cascade.errors import ConfigError, OutputError
from cascade.interrupts import loading


@dataclass
class EnsembleSettings:
    """Names and types of the settings; `configs/ensemble.yaml` has their values and meaning."""

    members: list[str]
    output: str
    mirrored: bool
    overwrite: bool


ConfigStore.instance().store(name="ensemble_schema", node=EnsembleSettings)


def gather(members: list[Path], output: Path, mirrored: bool = False) -> None:
    """Write trained networks as one: see `fer.models.ensemble.Ensemble`.

    Args:
        members: their checkpoints.
        output: the checkpoint to write.
        mirrored: each judges the mirror image of a face as well.

    Raises:
        ConfigError: there are none, or they are of other faces or classes than each other.
        ModelError: a checkpoint cannot be used, there are too many, or one is an ensemble itself.
    """
    with loading():
        from fer.checkpoint import LoadedNetwork, build_network, load_network, save_network, source_commit

    loaded = [load_network(path) for path in members]
    if not loaded:
        raise ConfigError("members must be one checkpoint or more")
    info = loaded[0].info
    for path, other in zip(members, loaded, strict=True):
        for name in ("preprocessing", "crop"):
            if (theirs := getattr(other.info, name)) != (ours := getattr(info, name)):
                key = next(key for key, value in asdict(ours).items() if asdict(theirs)[key] != value)
                raise ConfigError(
                    f"members must judge the same faces: {name}.{key} is {getattr(theirs, key)} in {path} and "
                    f"{getattr(ours, key)} in {members[0]}"
                )
    config = {
        "_target_": "fer.models.ensemble.Ensemble",
        "members": [{key: value for key, value in one.info.network.items() if key != "num_classes"} for one in loaded],
        "size": info.preprocessing.size,
        "mirrored": mirrored,
        "num_classes": len(info.preprocessing.classes),
    }
    network = build_network(config)
    for place, one in enumerate(loaded):
        network.members[place].load_state_dict(one.network.state_dict())  # type: ignore[index, union-attr]
    about = replace(
        info, network=config, commit=source_commit(), epoch=None, metrics={}, unsure_below=0.0, parameters=None
    )
    save_network(LoadedNetwork(network, about), output)


def gather_configured(config: DictConfig) -> None:
    """Write an ensemble as configured and say where."""
    members = [Path(path).expanduser() for path in config.members]
    output = Path(config.output).expanduser()
    if output.exists() and not config.overwrite:
        raise OutputError(f"{output} is there already; overwrite=true replaces it")
    if output.exists() and any(path.is_file() and output.samefile(path) for path in members):
        raise OutputError(f"{output} is one of the members; choose another output")
    gather(members, output, config.mirrored)
    print(f"  written  {output}, {len(members)} networks{', each of two views' if config.mirrored else ''}")
    print(f"  measure  python train.py train=false ckpt_path={output} data.path=fer2013.csv")
    print(f"   use it  python -m fer.export ckpt_path={output} metrics=outputs/train/…/metrics.json")


def main() -> None:
    """Run the command."""
    run_command(gather_configured, "ensemble", extra="train")


if __name__ == "__main__":
    main()
