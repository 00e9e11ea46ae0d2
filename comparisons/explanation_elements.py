"""One step of a small network in single numbers: every node, every link of every chain, every parameter's move."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from comparisons.chains import last_layer, simplifies
from comparisons.explain import Factor, back_factors, digits, error_factors, loss_lines
from comparisons.explanation import Explanation
from comparisons.messages import place
from comparisons.problem_words import optimizer_words
from problems.problem import Network, Optimizer


def forward(found: Explanation) -> Iterator[str]:
    """Every node, layer by layer."""
    network = found.problem.network
    for layer in network.layers:
        for node in range(network.units[layer - 1]):
            yield from _node(found, layer, node)


def _node(found: Explanation, layer: int, node: int) -> Iterator[str]:
    """One node: its weighted sum and, unless it is linear, its activation."""
    passes, activation = found.passes, found.problem.network.activations[layer - 1]
    z, a = float(passes.z[layer][0, node]), float(passes.a[layer][0, node])
    before, after = node_letters(found.problem.network, layer, node)
    sums = [
        (f"{input_letter(layer, i)} · W{layer}[{i},{node}]", f"{digits(value)} · {digits(weight)}")
        for i, (value, weight) in enumerate(
            zip(passes.a[layer - 1][0], passes.before[f"W{layer}"][:, node], strict=True)
        )
    ]
    sums.append((f"b{layer}[0,{node}]", digits(passes.before[f"b{layer}"][0, node])))
    yield f"{before} = {' + '.join(letters for letters, _ in sums)}"
    yield f"{' ' * len(before)} = {' + '.join(numbers for _, numbers in sums)} = {z:.6g}"
    if activation != "linear":
        letters, numbers = ACTIVATION_LETTERS[activation](before), ACTIVATION_LETTERS[activation](digits(z))
        yield f"{after} = {letters} = {numbers} = {a:.6g}"


ACTIVATION_LETTERS: dict[str, Callable[[str], str]] = {
    "sigmoid": lambda z: f"1 / (1 + e^(-{z}))",
    "tanh": lambda z: f"tanh({z.strip('()')})",
    "relu": lambda z: f"max({z.strip('()')}, 0)",
    "leaky_relu": lambda z: f"({z} where {z} > 0, else 0.01 · {z})",
    "elu": lambda z: f"({z} where {z} > 0, else e^{z} - 1)",
    "softplus": lambda z: f"log(1 + e^{z})",
    "gelu": lambda z: f"{z} · Φ({z.strip('()')})",
    "gelu_tanh": lambda z: f"½ · {z} · (1 + tanh(√(2/π) · ({z} + 0.044715 · {z}³)))",
    "silu": lambda z: f"{z} / (1 + e^(-{z}))",
    "softmax": lambda z: f"e^{z} / Σ e^z",
}


def input_letter(layer: int, i: int) -> str:
    """What flows into a layer: x1, x2, ... or the hidden nodes' h1, h2, ..."""
    return f"{'x' if layer == 1 else 'h'}{i + 1}"


def node_letters(network: Network, layer: int, node: int) -> tuple[str, str]:
    """A node's names before and after its activation; one name where it is linear."""
    before, after = ("z", "ŷ") if layer == last_layer(network) else (f"z{node + 1}", f"h{node + 1}")
    return (after, after) if network.activations[layer - 1] == "linear" else (before, after)


def loss(found: Explanation) -> Iterator[str]:
    """The loss of the one row."""
    yield from loss_lines(found.problem, found.state)


def backward(found: Explanation) -> Iterator[str]:
    """Every derivative, from the output back."""
    if simplifies(found.problem):
        yield from _simplification(found)
        yield ""
    for name, index in elements_backward(found.problem.network):
        yield from chain_lines(found, name, index)


def _simplification(found: Explanation) -> Iterator[str]:
    """Why ∂L/∂z is ŷ − y where a sigmoid meets the cross-entropy."""
    y, y_hat = found.passes.y.item(), found.passes.a[-1].item()
    yield "∂L/∂ŷ = -y / ŷ + (1 - y) / (1 - ŷ) = (ŷ - y) / (ŷ · (1 - ŷ)) and ∂ŷ/∂z = ŷ · (1 - ŷ), which cancels:"
    yield f"∂L/∂z = ∂L/∂ŷ · ∂ŷ/∂z = ŷ - y = {y_hat:.6g} - {y:.6g} = {y_hat - y:.6g}"


def elements_backward(network: Network) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every parameter's elements in the order of the lesson: from the output back, node by node, its bias last."""
    for layer in reversed(network.layers):
        for node in range(network.units[layer - 1]):
            yield from ((f"W{layer}", (i, node)) for i in range(network.sizes[layer - 1]))
            yield f"b{layer}", (0, node)


def chain_lines(found: Explanation, name: str, index: tuple[int, int]) -> list[str]:
    """∂L/∂name[index]: the chain in partial derivatives, in letters, and in numbers with the result."""
    partials, factors = zip(*links(found, name, index), strict=True)
    left = f"∂L/∂{place(name, index)}"
    space, result = " " * len(left), float(found.gradients[name][index])
    return [
        f"{left} = {' · '.join(partials)}",
        f"{space} = {' · '.join(factor.letters for factor in factors)}",
        f"{space} = {' · '.join(factor.numbers for factor in factors)} = {result:.6g}",
    ]


def links(found: Explanation, name: str, index: tuple[int, int]) -> list[tuple[str, Factor]]:
    """The links of the chain from the loss to one parameter: each partial derivative and what it is."""
    passes, problem = found.passes, found.problem
    layer, (i, j) = int(name[1:]), index
    node, _ = node_letters(problem.network, last_layer(problem.network), 0)
    first, *slopes = error_factors(passes)
    chain = [(f"∂L/∂{'z' if simplifies(problem) else 'ŷ'}", first), *((f"∂ŷ/∂{node}", slope) for slope in slopes)]
    if layer < last_layer(problem.network):
        weight, *slopes = back_factors(passes, j)
        chain.append((f"∂{node}/∂h{j + 1}", weight))
        chain += [(f"∂h{j + 1}/∂z{j + 1}", slope) for slope in slopes]
        node, _ = node_letters(problem.network, layer, j)
    flows_in = Factor("1", "1")
    if name.startswith("W"):
        flows_in = Factor(input_letter(layer, i), digits(passes.a[layer - 1][0, i]))
    return [*chain, (f"∂{node}/∂{place(name, index)}", flows_in)]


def remembered_update(optimizer: Optimizer) -> str:
    """What an update is made of that is not the plain one."""
    return f"{optimizer_words(optimizer)}: from this derivative, this step's number and what earlier ones left"


def update(found: Explanation) -> Iterator[str]:
    """Every parameter's move."""
    rate, optimizer = found.state.learning_rate, found.problem.optimizer
    if not optimizer.plain:
        yield remembered_update(optimizer)
        yield ""
        for name, index in elements_backward(found.problem.network):
            before, after = found.state.parameters[name][index], float(found.parameters[name][index])
            yield f"{place(name, index)}: {before + 0.0:.8g} becomes {after:.8g}"
        return
    yield "parameter - learning_rate · ∂L/∂parameter, every derivative taken before anything moves"
    yield ""
    for name, index in elements_backward(found.problem.network):
        before, slope = found.state.parameters[name][index], found.gradients[name][index]
        after = float(found.parameters[name][index])
        yield f"{place(name, index)} = {before + 0.0:.6g} - {rate:.6g} · {digits(slope)} = {after:.8g}"
