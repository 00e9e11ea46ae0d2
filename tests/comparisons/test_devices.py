"""Which device is asked for, whether there is one, and what its processes are started with.

No test here needs an accelerator: the driver is a fake, and so are the frameworks' answers.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from comparisons import cli, devices
from comparisons.compare import compare
from comparisons.devices import CPU, CUDA, chosen_device, device_variables, missing_accelerator
from comparisons.implementations import IMPLEMENTATIONS
from comparisons.verdict import Verdict
from problems.catalogue import named_problem
from problems.problem import ProblemError

TRAINS_ON_CUDA = ("torch", "keras-tensorflow", "keras-torch", "keras-jax", "jax")


class Driver:
    """libcuda, as far as it is asked."""

    def __init__(self, count: int = 1, started: int = 0, counted: int = 0) -> None:
        self.count, self.started, self.counted = count, started, counted

    def cuInit(self, flags: int) -> int:
        return self.started

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = self.count
        return self.counted


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function of what the driver says; without arguments it has one device."""

    def install(**says: int) -> None:
        monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(**says))

    return install


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)


def test_cpu_is_the_default_and_asks_no_driver(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("the driver was asked"))
    assert (chosen_device(None), chosen_device("cpu")) == (CPU, CPU)


def test_device_that_is_there_is_chosen(driver):
    driver()
    assert chosen_device("cuda") == CUDA


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ({"started": 100}, "its driver finds none here (cuInit returned 100)"),
        ({"counted": 3}, "its driver counts 1 here (cuDeviceGetCount returned 3)"),
        ({"count": 0}, "its driver counts 0 here (cuDeviceGetCount returned 0)"),
    ],
)
def test_driver_without_a_device_says_what_it_returned(driver, monkeypatch, says, why):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver(**says)
    with pytest.raises(ProblemError) as refused:
        chosen_device("cuda")
    assert str(refused.value) == f"--device: cuda needs an NVIDIA GPU, and {why}; use --device cpu"


def test_variable_that_hides_devices_is_named(driver, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    driver(started=100)
    assert "CUDA_VISIBLE_DEVICES is '-1'" in str(missing_accelerator())


@pytest.mark.usefixtures("no_driver")
def test_missing_driver_is_named():
    assert f"({devices.DRIVER} is not found)" in str(missing_accelerator())


def test_unknown_device_names_the_choices():
    with pytest.raises(ProblemError, match=r"'gpu' is not known.*choose from: cpu, cuda"):
        chosen_device("gpu")


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_frameworks_with_an_accelerator_train_there_and_all_others_on_the_cpu(name):
    assert IMPLEMENTATIONS[name].device_for(CUDA) == (CUDA if name in TRAINS_ON_CUDA else CPU)
    assert IMPLEMENTATIONS[name].device_for(CPU) == CPU


def test_process_for_the_cpu_sees_no_accelerator():
    variables = device_variables(CPU, {})
    assert (variables["BACKPROOF_DEVICE"], variables["CUDA_VISIBLE_DEVICES"], variables["JAX_PLATFORMS"]) == (
        "cpu",
        "",
        "cpu",
    )


def test_processes_on_one_accelerator_leave_each_other_memory():
    variables = device_variables(CUDA, {"CUDA_VISIBLE_DEVICES": "1"})
    assert variables["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "CUDA_VISIBLE_DEVICES" not in variables, "which one is the user's to say"


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_flags_for_speed_are_left_out_of_the_users_own(device):
    flags = "--xla_cpu_enable_fast_math=true --xla_dump_to=here --xla_gpu_enable_fast_min_max=true"
    assert device_variables(device, {"XLA_FLAGS": flags})["XLA_FLAGS"] == "--xla_dump_to=here"
    assert "XLA_FLAGS" not in device_variables(device, {})


Ran = tuple[int, str, str]


@pytest.fixture
def backproof(tmp_path, monkeypatch, capfd) -> Callable[..., Ran]:
    """A function that runs `backproof` in an empty folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["backproof", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, captured.out, captured.err

    return run


COMMANDS = {
    "compare": ("compare", "regression", "--report", "folder"),
    "record": ("record", "regression", "--with", "torch", "-o", "trace.npz"),
    "explain": ("explain", "regression"),
}


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_accelerator_is_one_line_and_exit_2_before_any_work(backproof, command, tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *args, **options: pytest.fail("a process was started"))
    code, output, errors = backproof(*command, "--device", "cuda")
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("backproof: --device: cuda needs an NVIDIA GPU, and its driver is not installed here")
    assert list(tmp_path.iterdir()) == []


def test_what_trains_on_the_cpu_all_the_same_is_said_and_recorded(backproof, driver):
    driver()
    code, output, errors = backproof(
        "compare", "regression", "--against", "manual-scalar,manual-matrix", "--device", "cuda", "--json", "-"
    )
    document = json.loads(output)
    told = document["comparisons"][0]["implementations"]
    assert errors == "backproof: --device cuda: manual-scalar, manual-matrix train on the CPU\n"
    assert (code, document["environment"]["devices"], [one["device"] for one in told]) == (0, ["cpu"], ["cpu", "cpu"])


@pytest.mark.parametrize("name", TRAINS_ON_CUDA)
def test_framework_without_an_accelerator_is_skipped_with_the_reason(name, require_or_skip, monkeypatch):
    require_or_skip(name)
    one = IMPLEMENTATIONS[name]
    hidden = {**one.environment, "CUDA_VISIBLE_DEVICES": ""}  # also where there is one
    monkeypatch.setitem(IMPLEMENTATIONS, name, replace(one, environment=hidden))
    (comparison,) = compare([named_problem("regression").changed(epochs=1)], [name], device=CUDA)
    (result,) = comparison.results
    library = {"torch": "PyTorch", "keras-torch": "PyTorch", "keras-tensorflow": "TensorFlow"}.get(name, "JAX")
    assert result.verdict is Verdict.SKIPPED, result.reason
    assert str(result.reason).startswith(f"this {library} (")
