import pytest

from benchmarks.throughput import main


@pytest.mark.slow
def test_every_contender_trains_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    counts = ("--threads=1", "--workers=1", "--rounds=1", "--batches=1")
    monkeypatch.setattr("sys.argv", ["throughput", *counts, "--device=cpu"])
    main()
    table = capsys.readouterr().out
    assert "our full loop, 32-true" in table and "per-image transforms, 1 workers" in table
    assert "1.00" in table
