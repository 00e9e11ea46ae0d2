"""PyTorch: nn.Sequential, a loss module, loss.backward() and an optimizer of torch.optim.

nn.Linear keeps its weight as (n_out, n_in) and its bias as (n_out,); they are transposed on the way in and out.
It all happens on the device that the process was started for, by the variable BACKPROOF_DEVICE.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from frameworks.torch_optimizers import clip, made, require_expressible, scheduled
from problems.order import batches
from problems.problem import Array, Problem
from problems.step import Step

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "softmax": lambda: nn.Softmax(dim=1),
}


class HalfSquaredError(nn.Module):
    """½ Σ over outputs of (y − ŷ)², mean over rows; torch.nn has none of it."""

    def forward(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """The loss, one number."""
        return (0.5 * (y_hat - y) ** 2).sum(dim=1).mean()


class CategoricalCrossEntropy(nn.Module):
    """−Σ over classes of y log ŷ, mean over rows; torch.nn has it of logits only.

    A term whose y is 0 takes the logarithm of 1: its slope is 0 even where ŷ has rounded to 0.
    """

    def forward(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """The loss, one number."""
        return -(y * torch.where(y == 0, 1, y_hat).log()).sum(dim=1).mean()


class SparseCategoricalCrossEntropy(nn.Module):
    """−log ŷ of the right class, mean over rows."""

    def forward(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """The loss, one number."""
        return -y_hat.gather(1, y.long()).log().mean()


class SparseCrossEntropyWithLogits(nn.CrossEntropyLoss):
    """nn.CrossEntropyLoss with the numbers of the classes as a column."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss, one number."""
        return super().forward(z, y[:, 0].long())


class Hinge(nn.Module):
    """max(0, 1 − y ŷ), mean over rows and outputs; nn.HingeEmbeddingLoss is another loss."""

    def forward(self, y_hat: Tensor, y: Tensor) -> Tensor:
        """The loss, one number."""
        return torch.relu(1 - y * y_hat).mean()


LOSSES: dict[str, type[nn.Module]] = {
    "mean_squared_error": nn.MSELoss,
    "half_squared_error": HalfSquaredError,
    "mean_absolute_error": nn.L1Loss,
    "huber": nn.HuberLoss,
    "binary_cross_entropy": nn.BCELoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "categorical_cross_entropy": CategoricalCrossEntropy,
    "categorical_cross_entropy_with_logits": nn.CrossEntropyLoss,
    "sparse_categorical_cross_entropy": SparseCategoricalCrossEntropy,
    "sparse_categorical_cross_entropy_with_logits": SparseCrossEntropyWithLogits,
    "hinge": Hinge,
}


def versions(problem: Problem) -> dict[str, str]:
    """What training runs on, whatever the problem."""
    return {"torch": str(torch.__version__)}


def device() -> str:
    """What this process trains on."""
    return os.environ.get("BACKPROOF_DEVICE", "cpu")


def configure() -> None:
    """Process-wide switches: one thread, and matrix products and their sums in the dtype of their operands."""
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_accumulation = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.allow_tf32 = False


def require_device() -> None:
    """Raise NotImplementedError where this PyTorch cannot train on the device asked for."""
    if device() == "cpu" or torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        why = "is built for the CPU alone; install a CUDA build: https://pytorch.org/get-started/locally"
    else:
        why = f"is built for CUDA {torch.version.cuda} and finds no device that it can use"
    raise NotImplementedError(f"torch: this PyTorch ({torch.__version__}) {why}")


def build(problem: Problem) -> nn.Sequential:
    """The network, holding the problem's starting numbers exactly."""
    network, layers = problem.network, []
    for n_in, n_out, activation in zip(network.sizes, network.units, network.activations, strict=False):
        layers += [nn.Linear(n_in, n_out, dtype=DTYPES[problem.dtype]), ACTIVATIONS[activation]()]
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for number, linear in enumerate(linears(model), 1):
            linear.weight.copy_(torch.tensor(problem.initial[f"W{number}"].T.copy()))
            linear.bias.copy_(torch.tensor(problem.initial[f"b{number}"][0]))
    return model.to(device())


def linears(model: nn.Sequential) -> list[nn.Linear]:
    """The layers that have parameters."""
    return [layer for layer in model if isinstance(layer, nn.Linear)]


def canonical(model: nn.Sequential, read: Callable[[Tensor], Tensor]) -> dict[str, Array]:
    """`read` of every parameter, as W (n_in, n_out) and b (1, n_out)."""
    tensors = {}
    for number, linear in enumerate(linears(model), 1):
        tensors[f"W{number}"] = held(read(linear.weight)).T
        tensors[f"b{number}"] = held(read(linear.bias))[None, :]
    return tensors


def held(tensor: Tensor) -> Array:
    """The tensor's numbers; bfloat16's, which NumPy has not, in float32."""
    numbers = tensor.detach().cpu()
    return (numbers.float() if numbers.dtype is torch.bfloat16 else numbers).numpy()


def gradient(parameter: Tensor) -> Tensor:
    """What backward() left on the parameter."""
    if parameter.grad is None:
        raise RuntimeError("backward() left no gradient")
    return parameter.grad


def require_known(problem: Problem) -> None:
    """Raise NotImplementedError for the first thing in `problem` that is not written here."""
    known = (
        ("dtype", [problem.dtype], DTYPES),
        ("activation", problem.network.activations, ACTIVATIONS),
        ("loss", [problem.loss], LOSSES),
    )
    for what, names, choices in known:
        for name in names:
            if name not in choices:
                raise NotImplementedError(f"torch: {what} {name!r} is not written here")
    require_expressible(problem.optimizer)


def penalty(model: nn.Sequential, l2: float) -> Tensor | float:
    """½ l2 Σ W² over all weights.

    In the loss, where the gradients have it too; weight_decay of torch.optim would reach biases and neither.
    """
    return 0.5 * l2 * sum((linear.weight**2).sum() for linear in linears(model)) if l2 else 0.0


def train(problem: Problem) -> Iterator[Step]:
    """Every step of training `problem`."""
    require_known(problem)
    require_device()
    configure()
    model = build(problem)
    criterion = LOSSES[problem.loss]()
    optimizer = made(problem.optimizer, model)
    schedule = scheduled(problem.optimizer.schedule, optimizer)
    stored = DTYPES[problem.dtype]
    x, y = (torch.tensor(table, dtype=stored, device=device()) for table in (problem.x, problem.y))
    for rows in batches(problem):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows]) + penalty(model, problem.l2)
        loss.backward()
        gradients = canonical(model, lambda parameter: gradient(parameter).clone())
        clip(problem.optimizer, model)
        optimizer.step()
        schedule.step()
        yield Step(
            rows=rows,
            loss=held(loss),
            gradients=gradients,
            parameters=canonical(model, lambda parameter: parameter),
        )
