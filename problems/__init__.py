"""What is trained, and the words for it."""

from problems.catalogue import named_problem
from problems.files import load_problem
from problems.order import batches
from problems.problem import Network, Optimizer, Problem, ProblemError
from problems.step import Step
from problems.trace import Trace, TraceError

__all__ = [
    "Network",
    "Optimizer",
    "Problem",
    "ProblemError",
    "Step",
    "Trace",
    "TraceError",
    "batches",
    "load_problem",
    "named_problem",
]
