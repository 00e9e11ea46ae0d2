"""The network that is trained: its layers, and what each node computes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from problems.requirements import ProblemError, listed, require_choice, require_count

ACTIVATIONS = (
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "softplus",
    "gelu",
    "gelu_tanh",
    "silu",
    "softmax",
)
MOST_PARAMETERS = 10**8


@dataclass(frozen=True, kw_only=True)
class Network:
    """A dense network: `units[k]` nodes with `activations[k]` in layer k + 1, after `inputs` input columns.

    Layer k computes a = activation(a_previous @ Wk + bk), with Wk (n_in, n_out) and bk (1, n_out).
    linear z · sigmoid 1 / (1 + e^−z) · tanh · relu max(z, 0) · leaky_relu z above 0, else 0.01 z · elu z above 0, else
    e^z − 1 · softplus log(1 + e^z) · gelu z Φ(z), Φ the normal distribution (Hendrycks & Gimpel, 2016) · gelu_tanh its
    approximation ½ z (1 + tanh(√(2/π) (z + 0.044715 z³))) · silu z / (1 + e^−z) · softmax e^z / Σ e^z, last layer only.
    The slope at exactly 0 is that of the left side: 0 for relu, 0.01 for leaky_relu (elu's are both 1).
    """

    inputs: int
    units: tuple[int, ...]
    activations: tuple[str, ...]

    def __post_init__(self) -> None:
        require_count("network.inputs", self.inputs)
        for key in ("units", "activations"):
            object.__setattr__(self, key, listed(f"network.{key}", getattr(self, key)))
        if not self.units:
            raise ProblemError("network.units: needs at least one layer, such as [2, 1]")
        for number in self.units:
            require_count("network.units", number)
        object.__setattr__(self, "inputs", int(self.inputs))
        object.__setattr__(self, "units", tuple(int(number) for number in self.units))
        self._require_sensible_size()
        if len(self.activations) != len(self.units):
            raise ProblemError(
                f"network.activations: {len(self.activations)} given for {len(self.units)} layers in network.units"
            )
        for name in self.activations:
            require_choice("network.activations", name, ACTIVATIONS)
        if "softmax" in self.activations[:-1]:
            layer = self.activations.index("softmax") + 1
            raise ProblemError(
                f"network.activations: softmax stands in layer {layer}; it belongs in the last layer only"
            )

    def _require_sensible_size(self) -> None:
        parameters = sum(n_in * n_out + n_out for n_in, n_out in pairwise(self.sizes))
        if parameters > MOST_PARAMETERS:
            raise ProblemError(f"network.units: {parameters} parameters are too many; at most {MOST_PARAMETERS}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes per layer, the inputs first: (2, 2, 1) for the lesson's network."""
        return (self.inputs, *self.units)

    @property
    def layers(self) -> range:
        """The numbers of the layers, counted from 1 as in W1, b1."""
        return range(1, len(self.units) + 1)

    @property
    def parameter_count(self) -> int:
        """How many numbers all parameters have together."""
        return sum(rows * columns for rows, columns in self.parameter_shapes.values())

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, int]]:
        """Canonical name to shape, in order: W1 (n_in, n_out), b1 (1, n_out), W2, b2, ..."""
        shapes: dict[str, tuple[int, int]] = {}
        for layer in self.layers:
            shapes[f"W{layer}"] = (self.sizes[layer - 1], self.sizes[layer])
            shapes[f"b{layer}"] = (1, self.sizes[layer])
        return shapes
