"""Run as `python probe_semantics.py LIBRARY`: what the installed library says and does for each row of the table.

Prints JSON: for each row its defaults by signature, and, by its own objects in their default settings, the parameters
after each of four updates with the gradients of GRADIENTS, or a function's values at POINTS.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from comparisons.semantics import Meaning
from comparisons.semantics_functions import FUNCTIONS
from comparisons.semantics_updates import UPDATES

START = np.array([[0.7, -1.3], [2.0, 0.01]])
START_BIAS = np.array([0.5, -0.2])
# Small first, so that where epsilon stands shows; then of every size, one of them 0.
GRADIENTS = [
    (np.array([[2e-7, -3e-8], [5e-8, 0.0]]), np.array([1e-7, -4e-8])),
    (np.array([[0.3, -0.2], [1e-8, 0.4]]), np.array([0.05, 2e-8])),
    (np.array([[-0.1, 0.6], [2e-7, 0.1]]), np.array([-0.3, 1e-8])),
    (np.array([[0.02, 1e-7], [-0.5, 3e-8]]), np.array([0.2, 0.7])),
]
RATES = (0.1, 0.05, 0.2, 0.1)  # one an update: where the rate stands shows while it changes
POINTS = np.array([-3.0, -0.5, 0.0, 0.25, 2.0, 21.0])
ERRORS = np.array([[0.5, -1.0], [2.5, -0.25], [0.0, 4.0]])  # rows, outputs


def found(api: str) -> Any:
    """What the dotted name `api` leads to."""
    module, _, name = api.rpartition(".")
    return getattr(importlib.import_module(module), name)


def defaults(meaning: Meaning) -> dict[str, Any]:
    """The defaults that the signature has, of the parameters that the row names."""
    parameters = inspect.signature(found(meaning.api)).parameters
    return {name: parameters[name].default for name in meaning.defaults}


def torch_updates(meaning: Meaning) -> list[list[Any]]:
    """By torch.optim, its learning rate set before each step."""
    import torch

    parameters = [torch.nn.Parameter(torch.tensor(values)) for values in (START, START_BIAS)]
    clips = meaning.concept == "clip_norm"
    kind, arguments = (torch.optim.SGD, {}) if clips else (found(meaning.api), meaning.arguments)
    optimizer = kind(parameters, lr=RATES[0], **arguments)
    after = []
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        if clips:
            found(meaning.api)(parameters, **meaning.arguments)
        optimizer.step()
        after.append([parameter.detach().numpy().tolist() for parameter in parameters])
    return after


def keras_updates(meaning: Meaning) -> list[list[Any]]:
    """By apply() of keras.optimizers, in float64."""
    import keras

    keras.config.set_floatx("float64")
    variables = [keras.Variable(values, dtype="float64") for values in (START, START_BIAS)]
    optimizer = found(meaning.api)(**{"learning_rate": RATES[0], **meaning.arguments})
    after = []
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients], variables)
        after.append([np.array(keras.ops.convert_to_numpy(variable.value)).tolist() for variable in variables])
    return after


def jax_updates(meaning: Meaning) -> list[list[Any]]:
    """By Optax, the learning rate a function of how many steps went before."""
    import jax
    import jax.numpy as jnp
    import optax

    rates = jnp.asarray(RATES)
    if meaning.concept == "clip_norm":
        update = optax.chain(found(meaning.api)(**meaning.arguments), optax.sgd(lambda count: rates[count]))
    else:
        update = found(meaning.api)(lambda count: rates[count], **meaning.arguments)
    parameters = [jnp.asarray(START), jnp.asarray(START_BIAS)]
    state, after = update.init(parameters), []
    for gradients in GRADIENTS:
        updates, state = update.update([jnp.asarray(gradient) for gradient in gradients], state, parameters)
        parameters = jax.tree.map(jnp.add, parameters, updates)
        after.append([np.asarray(parameter).tolist() for parameter in parameters])
    return after


def sklearn_updates(meaning: Meaning) -> list[list[Any]]:
    """By the optimizer that the estimator makes for itself at its first partial_fit."""
    model = found(meaning.api)(hidden_layer_sizes=(2,), batch_size=2, **meaning.arguments)
    model.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
    optimizer, parameters = model._optimizer, [START.copy(), START_BIAS.copy()]
    again = type(optimizer)
    settings = {name: value for name, value in vars(optimizer).items() if name in inspect.signature(again).parameters}
    optimizer, after = again(parameters, **settings), []
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        optimizer.learning_rate = optimizer.learning_rate_init = rate
        optimizer.update_params(parameters, list(gradients))
        after.append([values.tolist() for values in parameters])
    return after


def torch_values(meaning: Meaning) -> Any:
    """A module's values at POINTS, a loss of ERRORS, or how far a layer's numbers reach."""
    import torch

    if meaning.concept == "initial weights":
        layer = torch.nn.Linear(30, 50)
        return [float(values.detach().abs().max()) for values in (layer.weight, layer.bias)]
    if meaning.concept in ("huber", "squared error"):
        return float(found(meaning.api)()(torch.tensor(ERRORS), torch.zeros(ERRORS.shape, dtype=torch.float64)))
    return found(meaning.api)()(torch.tensor(POINTS)).tolist()


def keras_values(meaning: Meaning) -> Any:
    """The same."""
    import keras

    keras.config.set_floatx("float64")
    if meaning.concept == "initial weights":
        layer = keras.layers.Dense(50)
        layer.build((None, 30))
        return [float(np.abs(values).max()) for values in layer.get_weights()]
    if meaning.concept in ("huber", "squared error"):
        return float(found(meaning.api)()(np.zeros(ERRORS.shape), ERRORS))
    function = found(meaning.api)() if ".layers." in meaning.api else found(meaning.api)
    return np.array(keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(POINTS)))).tolist()


def jax_values(meaning: Meaning) -> Any:
    """The same; a loss of every element."""
    import jax
    import jax.numpy as jnp

    if meaning.concept == "initial weights":
        return [float(jnp.abs(found(meaning.api)()(jax.random.key(0), (30, 50))).max())]
    if meaning.concept in ("huber", "squared error"):
        return np.asarray(found(meaning.api)(jnp.asarray(ERRORS), jnp.zeros(ERRORS.shape))).tolist()
    return np.asarray(found(meaning.api)(jnp.asarray(POINTS))).tolist()


def sklearn_values(meaning: Meaning) -> Any:
    """What the first layer starts with; or loss and gradient of the last biases of one linear layer, at 0."""
    if meaning.concept == "initial weights":
        reach = []
        for activation in ("relu", "logistic"):
            model = found(meaning.api)(hidden_layer_sizes=(50,), activation=activation, random_state=0)
            model._random_state = np.random.RandomState(0)
            reach += [float(np.abs(values).max()) for values in model._init_coef(30, 50, np.float64)]
        return reach
    model = found(meaning.api)(hidden_layer_sizes=(), batch_size=len(ERRORS))
    x = np.zeros((len(ERRORS), 1))
    model.partial_fit(x, ERRORS)
    model.coefs_, model.intercepts_ = [np.full((1, 2), 3.0)], [np.zeros(2)]
    empty = [None]
    loss, coef, intercept = model._backprop(x, ERRORS, None, [x, None], list(empty), list(empty), list(empty))
    return [float(loss), coef[0].tolist(), intercept[0].tolist()]


def slope_at_zero(meaning: Meaning) -> float | None:
    """The slope of an activation at exactly 0, in PyTorch and JAX."""
    if meaning.concept != "leaky_relu" or meaning.library == "keras":
        return None
    if meaning.library == "jax":
        import jax

        return float(jax.grad(found(meaning.api))(0.0))
    import torch

    z = torch.zeros((), requires_grad=True)
    found(meaning.api)()(z).backward()
    return float(z.grad)


def main() -> None:
    """Probe every row of LIBRARY."""
    library = sys.argv[1]
    if library in ("jax", "keras"):  # Keras runs on JAX here
        import jax

        jax.config.update("jax_enable_x64", True)
    updates: Callable[[Meaning], Any] = globals()[f"{library}_updates"]
    values: Callable[[Meaning], Any] = globals()[f"{library}_values"]
    rows = []
    for meaning in (*UPDATES, *FUNCTIONS):
        if meaning.library == library:
            does = updates(meaning) if meaning in UPDATES else values(meaning)
            rows.append({"api": meaning.api, "concept": meaning.concept, "defaults": defaults(meaning), "does": does})
            rows[-1]["slope"] = slope_at_zero(meaning)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
