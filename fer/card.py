"""The figures in a model card: written by the export, never by hand."""

from pathlib import Path
from typing import Any

from cascade.files import write_whole
from fer.model_info import ModelInfo

START, END = "<!-- figures: written by fer.export -->", "<!-- end of figures -->"
_SPLITS = {"val": "PublicTest (selection)", "test": "PrivateTest"}


def update_card(card: Path, info: ModelInfo, size: int) -> bool:
    """Replace the figures between a card's two marks by those of a model.

    Args:
        card: Markdown file; one that is missing or has no marks is left alone.
        info: the model's description of itself.
        size: bytes of the model's file.

    Returns:
        True if the card was written.
    """
    text = card.read_text() if card.is_file() else ""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        return False
    write_whole(card, f"{before}{START}\n{figures(info, size)}\n{END}{after}")
    return True


def figures(info: ModelInfo, size: int) -> str:
    """The figures of a model as Markdown: what it is, its scores, the scores per class."""
    facts = [
        f"- network: `{info.network.get('_target_', 'unknown')}`, {info.preprocessing.size}×"
        f"{info.preprocessing.size} gray, {size / 1000:.0f} kB",
        f"- trained at commit `{info.commit}`, epoch {info.epoch if info.epoch is not None else 'unknown'}",
    ]
    if not info.metrics:
        return "\n".join([*facts, "", "The scores of this model are not known."])
    names = list(info.metrics)
    heads = [f"{_SPLITS.get(n, n)}, {info.metrics[n]['count']:,} faces" for n in names]
    rows = [["", *heads], ["---", *("--:" for _ in names)]]
    rows.append(["**accuracy**", *(f"**{info.metrics[n]['accuracy']:.2%}**" for n in names)])
    rows.append(["macro-F1", *(f"{info.metrics[n]['macro_f1']:.4f}" for n in names)])
    rows.append(["calibration error (ECE)", *(f"{info.metrics[n]['ece']:.4f}" for n in names)])
    rows.append(["precision / recall / F1", *("" for _ in names)])
    for label in info.preprocessing.classes:
        rows.append([label, *(_class(info.metrics[n]["classes"].get(label)) for n in names)])
    return "\n".join([*facts, "", *(f"| {' | '.join(row)} |" for row in rows)])


def _class(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return "–"
    return f"{scores['precision']:.3f} / {scores['recall']:.3f} / {scores['f1']:.3f}"
