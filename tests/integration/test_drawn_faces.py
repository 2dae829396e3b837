"""What `make train` promises."""

from tests.conftest import metrics_of


def test_the_drawn_faces_are_learned_past_90_percent(commands):
    run, _ = commands.train("learned", "experiment=synthetic", "trainer=cpu", "data.test_size=0", tiny=False)
    assert metrics_of(run)["val"]["accuracy"] > 0.9
