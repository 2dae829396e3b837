from dataclasses import replace
from pathlib import Path

from fer.card import END, START, update_card
from fer.model_info import ModelInfo
from fer.preprocessing import Preprocessing

SCORES = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "count": 4}
UNSURE = {"below": 0.42, "share": 0.25, "accuracy": 0.375, "others": 0.75}
METRICS = {
    "accuracy": 0.6543,
    "macro_f1": 0.6,
    "ece": 0.02,
    "count": 3589,
    "classes": {"calm": SCORES},
    "unsure": UNSURE,
    "details": {
        "nll": 0.9,
        "mirrored": {"accuracy": 0.66, "nll": 0.88},
        "copies": {"count": 0, "named": None, "agreement": 0.0, "others": {"accuracy": 0.6543, "nll": 0.9}},
    },
}
INFO = ModelInfo(
    Preprocessing(classes=("calm", "tense")),
    commit="abc",
    epoch=7,
    metrics={"val": METRICS},
    unsure_below=0.42,
    parameters=1234,
)


def test_figures_are_replaced_and_the_text_stays(tmp_path: Path):
    card = tmp_path / "card.md"
    card.write_text(f"# Title\n\n{START}\nold figures\n{END}\n\nLimits.\n")
    assert update_card(card, INFO, 234_000)
    text = card.read_text()
    assert text.startswith("# Title\n") and text.endswith("\n\nLimits.\n")
    assert "old figures" not in text
    assert "65.43%" in text and "`abc`, epoch 7" in text and "1,234 parameters, 48×48 gray, 234 kB" in text
    assert "| calm | 0.500 / 0.250 / 0.333 |" in text and "| tense | – |" in text
    assert "| mean with the mirrored face | 66.00% |" in text
    assert "| without copies of training faces | 65.43% |\n| of these copies | – |" in text
    assert "less probable than 0.42 are shown as `unsure`" in text
    assert "| share of unsure labels | 25.00% |\n| accuracy of these | 37.50% |" in text
    update_card(card, INFO, 234_000)
    assert card.read_text() == text


def test_a_card_without_marks_is_left_alone(tmp_path: Path):
    card = tmp_path / "card.md"
    assert not update_card(card, INFO, 1)
    card.write_text("mine")
    assert not update_card(card, INFO, 1)
    assert card.read_text() == "mine"


def test_figures_of_before_say_nothing_of_what_was_not_measured(tmp_path: Path):
    (card := tmp_path / "card.md").write_text(f"{START}\n{END}\n")
    old = {key: value for key, value in METRICS.items() if key not in ("unsure", "details")}
    assert update_card(card, replace(INFO, metrics={"val": old}), 1)
    assert "| accuracy of these | – |" in card.read_text()
    assert "| negative log-likelihood | – |" in card.read_text()
