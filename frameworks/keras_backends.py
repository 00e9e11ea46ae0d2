"""What Keras leaves to the library it runs on: that library's precision switches, the device, and reading variables.

The device is the one that the process was started for, by the variable BACKPROOF_DEVICE.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from frameworks.keras_alone import keras


def on_cpu() -> bool:
    """Whether this process trains on the CPU."""
    return os.environ.get("BACKPROOF_DEVICE", "cpu") == "cpu"


def placed() -> AbstractContextManager[Any]:
    """Where variables are made and steps are taken.

    On the CPU, where the process sees nothing else, no scope: in one, keras.ops copies PyTorch's parameters from `cpu`
    to `cpu:0`, and the copies get no gradients.
    """
    return nullcontext() if on_cpu() else keras.device("gpu:0")


def configure(dtype: str) -> None:
    """Process-wide switches: 64-bit numbers where the run needs them, matrix products in their operands' dtype."""
    CONFIGURE[keras.backend.backend()](dtype)


def require_device() -> None:
    """Raise NotImplementedError where the library below cannot train on the device asked for."""
    backend = keras.backend.backend()
    reason = None if on_cpu() else UNABLE[backend]()
    if reason:
        raise NotImplementedError(f"keras-{backend}: {reason}")


def configure_jax(dtype: str) -> None:
    """JAX computes in float32 until its 64-bit switch is on, and chooses the precision of products by the device."""
    import jax

    jax.config.update("jax_enable_x64", dtype == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")


def configure_tensorflow(dtype: str) -> None:
    """TensorFlow multiplies float32 in TF32 where a GPU has it, unless it is told not to."""
    import tensorflow

    tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def configure_torch(dtype: str) -> None:
    """PyTorch may multiply in TF32, and add float16 and bfloat16 in themselves."""
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_accumulation = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.allow_tf32 = False


def read(variable: Any) -> Any:
    """What NumPy reads a variable's numbers from; keras.ops.convert_to_numpy takes two to four times as long."""
    return READ[keras.backend.backend()](variable.value)


def read_jax(value: Any) -> Any:
    """The value as it is."""
    return value


def read_tensorflow(value: Any) -> Any:
    """The tensor that a tf.Variable holds, without the copy that its own way to NumPy makes first."""
    import tensorflow

    return tensorflow.raw_ops.ReadVariableOp(resource=value.handle, dtype=value.dtype)


def read_torch(value: Any) -> Any:
    """An array of its memory, or of a copy on the CPU."""
    return value.detach().cpu().numpy()


def unable_jax() -> str | None:
    """Why JAX has no GPU; None where it has one."""
    import jax

    try:
        jax.devices("cuda")
    except RuntimeError:
        return (
            f"this JAX ({jax.__version__}) has no CUDA plugin that finds a device; "
            "install one: pip install 'jax[cuda13]' or 'jax[cuda12]'"
        )
    return None


def unable_tensorflow() -> str | None:
    """Why TensorFlow has no GPU; None where it has one."""
    import tensorflow

    if tensorflow.config.list_physical_devices("GPU"):
        return None
    if tensorflow.test.is_built_with_cuda():
        why = "finds no GPU, or not the libraries for it: pip install 'tensorflow[and-cuda]'"
    else:
        why = "is built for the CPU alone: pip install 'tensorflow[and-cuda]'"
    return f"this TensorFlow ({tensorflow.__version__}) {why}"


def unable_torch() -> str | None:
    """Why PyTorch has no GPU; None where it has one."""
    import torch

    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        why = "is built for the CPU alone; install a CUDA build: https://pytorch.org/get-started/locally"
    else:
        why = f"is built for CUDA {torch.version.cuda} and finds no device that it can use"
    return f"this PyTorch ({torch.__version__}) {why}"


CONFIGURE: dict[str, Callable[[str], None]] = {
    "jax": configure_jax,
    "tensorflow": configure_tensorflow,
    "torch": configure_torch,
}
READ: dict[str, Callable[[Any], Any]] = {
    "jax": read_jax,
    "tensorflow": read_tensorflow,
    "torch": read_torch,
}
UNABLE: dict[str, Callable[[], str | None]] = {
    "jax": unable_jax,
    "tensorflow": unable_tensorflow,
    "torch": unable_torch,
}
