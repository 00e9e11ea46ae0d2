"""Known deviations in the updates: settings, learning rates and norms that a float64 run has in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from comparisons.arithmetic.precision import FLOAT32, FLOAT64
from comparisons.known_deviation import KnownDeviation
from problems.problem import Problem

FLOAT32_SETTINGS = replace(FLOAT64, name="float64, settings in float32", settings=FLOAT32)
CLIPPED_NORMS = ("clip_norm", "clip_norm_each")


def _settings_on_tensorflow(problem: Problem) -> bool:
    """Whether the update holds a number that Keras casts, or a constant that it initialises with."""
    optimizer = problem.optimizer
    cast = optimizer.name in ("momentum", "nesterov", "adam", "adamw", "adamax", "nadam", "adagrad")
    return problem.dtype == "float64" and (cast or "weight_decay" in optimizer.settings)


def _scheduled(*names: str) -> Callable[[Problem], bool]:
    return lambda problem: problem.dtype == "float64" and problem.optimizer.schedule.name in names


def _warming_momentum(problem: Problem) -> bool:
    return problem.dtype == "float64" and problem.optimizer.settings.get("momentum_schedule") == "dozat"


def _norms(problem: Problem) -> bool:
    return problem.dtype == "float64" and any(name in problem.optimizer.settings for name in CLIPPED_NORMS)


UPDATE_DEVIATIONS = (
    KnownDeviation(
        implementation="torch",
        text="torch.optim.NAdam keeps the product of its momenta in float32 whatever the parameters' dtype",
        seen_with="torch 2.13.0",
        reproduction=(
            "import torch; p = torch.nn.Parameter(torch.ones(1, dtype=torch.float64)); p.grad = torch.ones_like(p)\n"
            "o = torch.optim.NAdam([p]); o.step(); print(o.state[p]['mu_product'].dtype == torch.float32)"
        ),
        concerns=_warming_momentum,
        carries=FLOAT32_SETTINGS,
    ),
    KnownDeviation(
        implementation="jax",
        text="optax.exponential_decay divides the int32 count of the steps in float32, 64-bit numbers enabled or not",
        seen_with="jax 0.10.2, optax 0.2.8",
        reproduction=(
            "import jax, optax; jax.config.update('jax_enable_x64', True)\n"
            "print(optax.exponential_decay(0.1, 3, 0.7)(jax.numpy.ones([], 'int32')).dtype == 'float32')"
        ),
        concerns=_scheduled("step", "exponential"),
        carries=FLOAT32_SETTINGS,
    ),
    KnownDeviation(
        implementation="keras-tensorflow",
        text="keras.ops.cast of a number rounds it to float32 on Keras's tensorflow backend, and with it what its "
        "optimizers cast or start from: momentum, beta_1, beta_2, weight_decay, initial_accumulator_value",
        seen_with="keras 3.15.1, tensorflow 2.21.0",
        reproduction=("import keras, numpy\nprint(float(keras.ops.cast(0.1, 'float64')) == float(numpy.float32(0.1)))"),
        environment={"KERAS_BACKEND": "tensorflow"},
        concerns=_settings_on_tensorflow,
        carries=FLOAT32_SETTINGS,
    ),
    KnownDeviation(
        implementation="keras-tensorflow",
        text="keras.optimizers.schedules compute in float32 on Keras's tensorflow backend, floatx float64 or not",
        seen_with="keras 3.15.1, tensorflow 2.21.0",
        reproduction=(
            "import keras; keras.config.set_floatx('float64'); step = keras.ops.convert_to_tensor(1)\n"
            "print(keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.7)(step).dtype == 'float32')"
        ),
        environment={"KERAS_BACKEND": "tensorflow"},
        concerns=_scheduled("step", "exponential", "cosine"),
        carries=FLOAT32_SETTINGS,
    ),
    KnownDeviation(
        implementation="keras-jax",
        text="keras.ops.cos on Keras's jax backend turns float64 into float32, and with it CosineDecay",
        seen_with="keras 3.15.1, jax 0.10.2",
        reproduction=(
            "import jax; jax.config.update('jax_enable_x64', True); import keras\n"
            "print(keras.ops.cos(jax.numpy.ones(1, 'float64')).dtype == 'float32')"
        ),
        environment={"KERAS_BACKEND": "jax"},
        concerns=_scheduled("cosine"),
        carries=FLOAT32_SETTINGS,
    ),
    KnownDeviation(
        implementation="keras-torch",
        text="keras.ops.maximum and minimum of a float64 tensor and a number are float32 on Keras's torch backend, and "
        "with them the norms that gradients are clipped by",
        seen_with="keras 3.15.1, torch 2.13.0",
        reproduction=(
            "import keras, torch; one = torch.ones(1, dtype=torch.float64)\n"
            "print(keras.ops.maximum(one, 0.1).dtype == keras.ops.minimum(one, 0.1).dtype == torch.float32)"
        ),
        environment={"KERAS_BACKEND": "torch"},
        concerns=_norms,
        carries=FLOAT32,
    ),
)
