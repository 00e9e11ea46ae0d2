"""The result of a training whose steps arrive block by block: audited, diagnosed and explained, and not kept."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from comparisons.arithmetic.operands import WORDS
from comparisons.audit import RunningAudit, Seen
from comparisons.epochs import RunningEpochs
from comparisons.excerpts import Excerpt
from comparisons.known_deviations import KnownDeviations
from comparisons.lower_products import products_diagnosed
from comparisons.messages import counted
from comparisons.running_evidence import RunningEvidence
from comparisons.threads import one_thread
from comparisons.verdict import Result
from problems.block import Block
from problems.problem import Parameters, Problem
from problems.training_ways import trained_fast


def judged_blocks(
    problem: Problem,
    blocks: Iterable[Block],
    *,
    implementation: str,
    environment: Mapping[str, str] | None = None,
    version: str | None = None,
    seconds: Mapping[str, float] | None = None,
    initial: Parameters | None = None,
) -> Result:
    """The result of auditing all steps of a training as `blocks` have them, of any lengths, in order.

    Memory does not grow with the number of steps; the result has no trace. initial: where the training began, the
    problem's numbers unless given; the rest as in a Result.
    """
    judging = Judging(problem, implementation, initial)
    for block in blocks:
        judging.add(block)
    return judging.result(environment=environment, version=version, seconds=seconds)


class Judging:
    """A training that is judged as its blocks arrive."""

    def __init__(
        self, problem: Problem, implementation: str, initial: Parameters | None = None, *, every: int = 1
    ) -> None:
        """every: of so many steps one is looked at, as `Plan` has it."""
        self.implementation = implementation
        self.known = KnownDeviations(implementation, problem)
        self.running = RunningAudit(problem, initial, every=every, precisions=self.known.precisions)
        self.evidence = RunningEvidence(problem)
        self.epochs = RunningEpochs(problem.steps_per_epoch)
        self.final: Parameters = {}
        self.took = 0.0  # seconds

    def add(self, block: Block | Excerpt) -> None:
        """Judge the steps of `block`, which follow those before."""
        started = time.perf_counter()
        self._take(self._seen(block))
        self.took += time.perf_counter() - started

    def _take(self, several: Iterable[Seen]) -> None:
        with one_thread([self.running.problem]):
            for seen in several:
                self.evidence.add(seen)
                if seen.first_wrong is not None:
                    self.known.narrow(seen.observed)

    def _seen(self, block: Block | Excerpt) -> Iterator[Seen]:
        steps = block.block if isinstance(block, Excerpt) else block
        self.epochs.add(block.losses if isinstance(block, Excerpt) else block.loss)
        if steps.steps:
            self.final = {name: values[-1] for name, values in steps.parameters.items()}
        if isinstance(block, Excerpt):
            return self.running.add_excerpt(block)
        self.evidence.begin(block)
        return self.running.add(block)

    def result(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        version: str | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> Result:
        """The result, there being no more blocks."""
        started = time.perf_counter()
        self._take(self.running.rest())
        found = self.running.concluded()
        diagnoses = products_diagnosed(found) if found.carries in WORDS else self.evidence.diagnoses(found)
        took = self.took + time.perf_counter() - started
        return Result(
            name=self.implementation,
            fast=trained_fast(environment or {}),
            verdict=found.verdict,
            version=version,
            reason="; ".join(found.faults) or None,
            known_deviation=self.known.text(found),
            audit=found,
            diagnoses=diagnoses,
            epochs=self.epochs.averages(),
            final=self.final,
            environment=dict(environment or {}),
            seconds={**(seconds or {}), "audit": took},
            streamed=True,
        )

    def until_then(self) -> str | None:
        """In words what was found of the steps of a training that broke off; None where it had made none."""
        if not self.running.steps:
            return None
        self._take(self.running.rest())
        found = self.running.so_far()
        steps = counted(found.steps, "step")
        if found.faults:
            return f"the {steps} until then could not be right: {'; '.join(found.faults)}"
        if not found.deviations:
            return f"of the {steps} until then none was found wrong"
        first = found.deviations[0].step
        return f"of the {steps} until then {found.wrong_steps:,} were wrong, the first of them step {first}"
