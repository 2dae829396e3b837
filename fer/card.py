"""The figures in a model card: written by the export, never by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cascade.files import write_whole
from fer.model_info import ModelInfo

START, END = "<!-- figures: written by fer.export -->", "<!-- end of figures -->"
_SPLITS = {"val": "PublicTest (selection)", "test": "PrivateTest"}


def update_card(card: Path, info: ModelInfo, size: int, int8: bool = False) -> bool:
    """Put a model's figures between a card's two marks; False if it has none.

    Args:
        card: a Markdown file.
        info: what the model says of itself.
        size: of its file in bytes.
        int8: whether it computes in 8 bits.
    """
    text = card.read_text() if card.is_file() else ""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        return False
    write_whole(card, f"{before}{START}\n{figures(info, size, int8)}\n{END}{after}")
    return True


def figures(info: ModelInfo, size: int, int8: bool = False) -> str:
    """The figures of a model as Markdown: what it is, its scores, the scores per class."""
    network, side = info.network.get("_target_", "unknown"), info.preprocessing.size
    parameters = "" if info.parameters is None else f"{info.parameters:,} parameters, "
    facts = [
        f"- network: `{network}`, {parameters}{side}×{side} gray, {size / 1000:.0f} kB{', 8 bits' * int8}",
        f"- trained at commit `{info.commit}`, epoch {info.epoch if info.epoch is not None else 'unknown'}",
        f"- labels less probable than {info.unsure_below:.2f} are shown as `unsure`",
    ]
    if not info.metrics:
        return "\n".join([*facts, "", "The scores of this model are not known."])
    classes = info.preprocessing.classes
    totals = ["**accuracy**", "mean with the mirrored face", "without copies of training faces", "of these copies"]
    totals += ["macro-F1", "negative log-likelihood", "calibration error (ECE)"]
    unsure = ["share of unsure labels", "accuracy of these", "accuracy of the others"]
    names = ["", "---", *totals, *unsure, "precision / recall / F1", *classes]
    columns = [names, *(_column(split, scores, classes) for split, scores in info.metrics.items())]
    return "\n".join([*facts, "", *(f"| {' | '.join(row)} |" for row in zip(*columns, strict=True))])


def _column(split: str, scores: dict[str, Any], classes: Sequence[str]) -> list[str]:
    head = f"{_SPLITS.get(split, split)}, {scores['count']:,} faces"
    details = scores.get("details") or {}
    copies = details.get("copies") or {}
    parts = (details.get("mirrored"), copies.get("others"), copies.get("named"))
    shares = (f"{part['accuracy']:.2%}" if part else "–" for part in parts)
    nll = f"{details['nll']:.4f}" if details else "–"
    totals = f"**{scores['accuracy']:.2%}**", *shares, f"{scores['macro_f1']:.4f}", nll, f"{scores['ece']:.4f}"
    unsure = (f"{scores['unsure'][key]:.2%}" if "unsure" in scores else "–" for key in ("share", "accuracy", "others"))
    found = (scores["classes"].get(label) for label in classes)
    rows = ("{precision:.3f} / {recall:.3f} / {f1:.3f}".format(**one) if one else "–" for one in found)
    return [head, "--:", *totals, *unsure, "", *rows]
