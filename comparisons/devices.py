"""The device that frameworks train on, and whether this machine has one; no framework is imported to find out.

A device is no part of a problem. It is told to a framework's process by the variable BACKPROOF_DEVICE.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

from problems.problem import ProblemError
from problems.requirements import did_you_mean

CPU, CUDA = "cpu", "cuda"
DEVICES = (CPU, CUDA)
VARIABLE = "BACKPROOF_DEVICE"
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
# On the CPU no framework may see an accelerator: each of them would take it by itself. On an accelerator they share it:
# TensorFlow and JAX would each reserve most of its memory.
VARIABLES = {
    CPU: {VARIABLE: CPU, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": CPU, "KERAS_TORCH_DEVICE": CPU},
    CUDA: {
        VARIABLE: CUDA,
        "JAX_PLATFORMS": "",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    },
}


def chosen_device(name: str | None, *, here: bool = True) -> str:
    """The device asked for, the CPU where none is; raises ProblemError for one that is not known or not there.

    here: whether it must be this machine's.
    """
    if name is None:
        return CPU
    if name not in DEVICES:
        raise ProblemError(
            f"--device: {name!r} is not known{did_you_mean(name, DEVICES)}; choose from: {', '.join(DEVICES)}"
        )
    missing = missing_accelerator() if name == CUDA and here else None
    if missing:
        raise ProblemError(f"--device: cuda needs an NVIDIA GPU, and {missing}; use --device cpu")
    return name


def missing_accelerator() -> str | None:
    """Why CUDA has no device here, by its driver's own word; None where it has one."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return f"its driver is not installed here ({DRIVER} is not found)"
    status = driver.cuInit(0)
    if status != 0:
        return f"its driver finds none here (cuInit returned {status}{_hidden()})"
    count = ctypes.c_int(0)
    status = driver.cuDeviceGetCount(ctypes.byref(count))
    if status != 0 or count.value == 0:
        return f"its driver counts {count.value} here (cuDeviceGetCount returned {status}{_hidden()})"
    return None


def _hidden() -> str:
    """The variable that hides devices from the driver, where it is set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if visible is None else f"; CUDA_VISIBLE_DEVICES is {visible!r}"


def device_variables(device: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a process of a framework is started with, beside `environment`, to train on `device`.

    Flags of XLA that trade exactness for speed are left out of the user's own.
    """
    flags = environment.get("XLA_FLAGS", "").split()
    kept = [flag for flag in flags if "_fast_" not in flag]
    return VARIABLES[device] | ({"XLA_FLAGS": " ".join(kept)} if flags else {})
