import pytest
import torch

from fer.training import schedules


def _rates(schedule, steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=2.0)
    entry = schedule(optimizer, total_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        entry["scheduler"].step()
    return entry, rates


def test_one_cycle_rises_then_falls_to_its_end():
    entry, rates = _rates(lambda o, total_steps: schedules.one_cycle(o, total_steps=total_steps, warmup=0.2), 100)
    assert entry["interval"] == "step"
    assert rates[0] == pytest.approx(0.04 * 2.0)
    assert rates[20] == pytest.approx(2.0)
    assert max(rates) == rates[20]
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 0.01


def test_one_cycle_of_a_single_step_does_not_divide_by_zero():
    _, rates = _rates(schedules.one_cycle, 1)
    assert rates[0] > 0


def test_plateau_names_what_it_watches():
    entry, _ = _rates(lambda o, total_steps: schedules.constant(o, total_steps=total_steps), 3)
    assert entry["interval"] == "epoch"
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    entry = schedules.reduce_on_plateau(optimizer, total_steps=1, monitor="val/loss", patience=0, factor=0.5)
    assert entry["monitor"] == "val/loss"
    for loss in (1.0, 1.0):
        entry["scheduler"].step(loss)
    assert optimizer.param_groups[0]["lr"] == 0.5
