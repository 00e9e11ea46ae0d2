"""Precision switches are off whatever they were, and a device that a library cannot use is refused with the reason."""

from __future__ import annotations

import ast

import pytest

from tests.frameworks.conftest import run_in_process

TORCH_SWITCHED = """
import torch
products = torch.backends.cuda.matmul
torch.set_float32_matmul_precision("medium")
products.allow_fp16_accumulation = products.allow_fp16_reduced_precision_reduction = True
products.allow_bf16_reduced_precision_reduction = torch.backends.cudnn.allow_tf32 = True
{configure}
print([
    torch.get_float32_matmul_precision(), products.allow_tf32, products.allow_fp16_accumulation,
    products.allow_fp16_reduced_precision_reduction, products.allow_bf16_reduced_precision_reduction,
    torch.backends.cudnn.allow_tf32,
])
"""
TORCH_OFF = ["highest", False, False, False, False, False]
SWITCHES = {
    "torch": (
        TORCH_SWITCHED.format(configure="from frameworks.torch_mlp import configure; configure()"),
        TORCH_OFF,
    ),
    "keras-torch": (
        TORCH_SWITCHED.format(configure="from frameworks.keras_mlp import configure; configure('float32')"),
        TORCH_OFF,
    ),
    "keras-tensorflow": (
        "from frameworks.keras_mlp import configure; from tensorflow.config import experimental as now\n"
        "now.enable_tensor_float_32_execution(True); configure('float32')\n"
        "print(now.tensor_float_32_execution_enabled())",
        False,
    ),
    "keras-jax": (
        "import jax; from frameworks.keras_mlp import configure\n"
        "jax.config.update('jax_default_matmul_precision', 'bfloat16'); configure('float32')\n"
        "print(repr(jax.config.jax_default_matmul_precision))",
        "highest",
    ),
    "jax": (
        "import jax; from frameworks.jax_mlp import configure\n"
        "jax.config.update('jax_default_matmul_precision', 'bfloat16'); configure('float32')\n"
        "print(repr(jax.config.jax_default_matmul_precision))",
        "highest",
    ),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_reduced_precision_is_off_whatever_it_was(name, said):
    _, off = SWITCHES[name]
    assert ast.literal_eval(said(name)["switches"]) == off


REFUSED = """
import os
os.environ["BACKPROOF_DEVICE"] = "cuda"
{fake}
from frameworks.{module} import train
from problems.catalogue import named_problem
try:
    next(train(named_problem("regression")))
except NotImplementedError as refused:
    print(refused)
"""
NONE = "import torch; torch.cuda.is_available = lambda: False; torch.version.cuda = {version!r}"
NO_GPU = "import tensorflow as tf; tf.config.list_physical_devices = lambda kind: []"
NO_CUDA = """
import jax
there = jax.devices
def devices(name):
    if name == "cuda":
        raise RuntimeError("Unknown backend cuda")
    return there(name)
jax.devices = devices
"""
ONE_AFTER_ANOTHER = """
import contextlib, io
printed = {{}}
for case, source in {sources!r}.items():
    with contextlib.redirect_stdout(io.StringIO()) as text:
        exec(source, {{}})
    printed[case] = text.getvalue()
print(printed)
"""
REASONS = {
    "torch-without-cuda": (
        "torch",
        "torch_mlp",
        NONE.format(version=None),
        "torch: this PyTorch ({v}) is built for the",
    ),
    "torch-without-a-device": (
        "torch",
        "torch_mlp",
        NONE.format(version="12.8"),
        "torch: this PyTorch ({v}) is built for CUDA 12.8 and finds no device",
    ),
    "keras-torch-without-cuda": (
        "keras-torch",
        "keras_mlp",
        NONE.format(version=None),
        "keras-torch: this PyTorch ({v}) is built for the CPU alone",
    ),
    "keras-torch-without-a-device": (
        "keras-torch",
        "keras_mlp",
        NONE.format(version="12.8"),
        "keras-torch: this PyTorch ({v}) is built for CUDA 12.8 and finds no device",
    ),
    "tensorflow-without-cuda": (
        "keras-tensorflow",
        "keras_mlp",
        f"{NO_GPU}; tf.test.is_built_with_cuda = lambda: False",
        "keras-tensorflow: this TensorFlow ({v}) is built for the CPU alone: pip install",
    ),
    "tensorflow-without-a-device": (
        "keras-tensorflow",
        "keras_mlp",
        f"{NO_GPU}; tf.test.is_built_with_cuda = lambda: True",
        "keras-tensorflow: this TensorFlow ({v}) finds no GPU, or not the libraries for it: pip install",
    ),
    "keras-jax-without-a-plugin": ("keras-jax", "keras_mlp", NO_CUDA, "keras-jax: this JAX ({v}) has no CUDA plugin"),
    "jax-without-a-plugin": ("jax", "jax_mlp", NO_CUDA, "jax: this JAX ({v}) has no CUDA plugin"),
}


@pytest.fixture(scope="module")
def said(require_or_skip):
    """A function of an implementation's name: what each of its sources prints, one after another in one process."""
    found = {}

    def of(name):
        require_or_skip(name)
        if name not in found:
            sources = {"switches": SWITCHES[name][0]}
            for case, (named, module, fake, _) in REASONS.items():
                if named == name:
                    library = name.removeprefix("keras-")
                    version = f"import {library}; print({library}.__version__)"
                    sources[case] = REFUSED.format(fake=fake, module=module) + version
            printed = run_in_process(name, "-c", ONE_AFTER_ANOTHER.format(sources=sources))
            found[name] = ast.literal_eval(printed)
        return found[name]

    return of


@pytest.mark.parametrize(("case", "name", "reason"), [(case, one[0], one[3]) for case, one in REASONS.items()])
def test_device_that_cannot_be_used_is_refused(case, name, reason, said):
    line, version = said(name)[case].splitlines()
    assert line.startswith(reason.format(v=version))
