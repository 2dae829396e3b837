import re

import pytest

from benchmarks.throughput import main


@pytest.mark.slow
def test_every_contender_trains_and_is_compared(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    counts = ("--threads=1", "--workers=1", "--rounds=1", "--batches=1")
    monkeypatch.setattr("sys.argv", ["throughput", *counts, "--device=cpu"])
    main()
    table = capsys.readouterr().out
    ratios = re.findall(r"│ (plain|our full|per-image).*?(\d+\.\d\d) │", table)
    assert [name for name, _ in ratios] == ["plain", "our full", "our full", "per-image"]
    assert ratios[0][1] == "1.00" and all(float(ratio) > 0 for _, ratio in ratios)
