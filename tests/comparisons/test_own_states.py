"""Updates of optimizers that remember, judged from the gradients that the run itself reported."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.arithmetic.exact import distance
from comparisons.arithmetic.precision import PRECISIONS
from comparisons.exact_updates import exact_updates
from comparisons.own_states import OwnStates
from manual.optimizers import coefficients, rules
from manual.optimizers.clipping import NORMS, SCALINGS, clipped
from manual.optimizers.update import initial_slots
from problems.catalogue import named_problem
from problems.optimizer import FORMS, OPTIMIZERS
from problems.problem import Optimizer
from problems.schedule import Schedule
from problems.trace import Trace

STEPS = 40
ONE_FORM = {"": ("",)}


def of_every_form(**settings):
    """Every optimizer in each of its forms, by a name for the test."""
    for name in OPTIMIZERS:
        ((setting, choices),) = FORMS.get(name, ONE_FORM).items()
        for choice in choices:
            form = {setting: choice} if setting else {}
            yield f"{name}-{choice}".strip("-"), Optimizer(name=name, learning_rate=0.01, settings=form | settings)


PLAIN_FORMS = dict(of_every_form())
OTHERS = {
    "clipped values": Optimizer(name="adam", learning_rate=0.01, settings={"clip_value": 0.5}),
    "clipped norm": Optimizer(name="momentum", learning_rate=0.01, settings={"clip_norm": 0.5}),
    "clipped norms": Optimizer(
        name="rmsprop", learning_rate=0.01, settings={"clip_norm_each": 0.5, "clip_epsilon": 1e-6}
    ),
    "decayed": Optimizer(name="nadam", learning_rate=0.01, settings={"weight_decay": 0.1}),
    "decayed descent": Optimizer(learning_rate=0.01, settings={"weight_decay": 0.1}),
    "without memory": Optimizer(name="adam", learning_rate=0.01, settings={"beta_1": 0.0, "beta_2": 0.0}),
    "half": Optimizer(name="adam", learning_rate=0.01, settings={"beta_1": 0.5, "beta_2": 0.75}),
    "started": Optimizer(name="adagrad", learning_rate=0.01, settings={"initial_accumulator": 0.1}),
    "stepped": Optimizer(learning_rate=0.5, schedule=Schedule(name="step", every=7, decay=0.3)),
    "falling": Optimizer(name="nesterov", learning_rate=0.01, schedule=Schedule(name="exponential", decay=0.9)),
    "cosine": Optimizer(name="adamw", learning_rate=0.01, schedule=Schedule(name="cosine", every=30)),
}
OPTIMIZED = PLAIN_FORMS | OTHERS
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZED.values(), ids=OPTIMIZED)
each_dtype = pytest.mark.parametrize("dtype", PRECISIONS)

# Gradients of STEPS steps, (STEPS, *shape), of a size that depends on the dtype's smallest number.
REGIMES = {
    "ordinary": lambda rng, shape, tiny: rng.normal(size=shape),
    "as large as epsilon": lambda rng, shape, tiny: 1e-8 * rng.normal(size=shape),
    "tiny": lambda rng, shape, tiny: tiny**0.5 * rng.normal(size=shape),
    "large": lambda rng, shape, tiny: 1e9 * rng.normal(size=shape),
    "mostly zero": lambda rng, shape, tiny: rng.normal(size=shape) * (rng.random(shape) < 0.1),
    "turning": lambda rng, shape, tiny: rng.random(shape) * (-1.0) ** np.arange(STEPS).reshape(-1, 1, 1),
    "of all sizes": lambda rng, shape, tiny: rng.normal(size=shape) * 10.0 ** rng.uniform(-9, 3, shape),
}
each_regime = pytest.mark.parametrize("regime", REGIMES)


def started(optimizer, dtype="float64", seed=0, batch_size=1):
    """The classification from a random start."""
    base = named_problem("classification")
    rng = np.random.default_rng(seed)
    initial = {name: rng.normal(size=values.shape) for name, values in base.initial.items()}
    return base.changed(optimizer=optimizer, initial=initial, dtype=dtype, batch_size=batch_size, epochs=STEPS // 4)


def fabricated(optimizer, regime, dtype, update):
    """A trace with gradients of one regime, every update made by `update(parameters, gradients, t)`."""
    problem = started(optimizer, dtype)
    rng, tiny = np.random.default_rng(5), PRECISIONS[dtype].smallest_normal
    shapes = problem.network.parameter_shapes
    gradients = {n: REGIMES[regime](rng, (STEPS, *shape), tiny).astype(dtype) for n, shape in shapes.items()}
    parameters, after = dict(problem.initial), []
    with np.errstate(all="ignore"):
        for t in range(1, STEPS + 1):
            parameters = update(parameters, {name: values[t - 1] for name, values in gradients.items()}, t)
            after.append(parameters)
    return Trace(
        problem=problem,
        implementation="made up",
        initial=problem.initial,
        rows=np.zeros((STEPS, 1), dtype=int),
        loss=np.zeros(STEPS),
        gradients=gradients,
        parameters={name: np.stack([one[name] for one in after]) for name in shapes},
    )


class Evaluated:
    """One way to evaluate an optimizer: a rule, one of its moves, averages by which formula, settings held how."""

    def __init__(self, optimizer, number, rule=None, move=0, lerp=False, clip=None):
        self.optimizer, self.number = optimizer, number
        self.rule = rule or rules(optimizer)[0]
        self.move, self.lerp, self.clip = self.rule.moves[move], lerp, clip
        self.slots = {}

    def __call__(self, parameters, gradients, t):
        given = coefficients(self.optimizer, t, self.number)
        if self.clip is None:
            gradients = clipped(gradients, given)
        else:
            size = self.clip[0](gradients) + given.get("clip_epsilon", 0)
            gradients = {name: self.clip[1](g, size, given["clip_norm"]) for name, g in gradients.items()}
        after = {}
        for name, theta in parameters.items():
            before = self.slots.get(name) or initial_slots(self.rule, given)
            self.slots[name] = self.absorbed(gradients[name], before, given)
            moved = theta * (1 - given["rate"] * given.get("weight_decay", 0))
            for move in self.move(g=gradients[name], **self.slots[name], **given):
                moved = moved - move
            after[name] = moved
        return after

    def absorbed(self, g, before, given):
        """The slots after g; averages as s + (1 − β)(x − s), or for β ≤ ½ as torch.lerp turns it round."""
        after = self.rule.absorb(g=g, **before, **given)
        if self.lerp:
            kept = self.rule.kept(**given)
            for slot in self.rule.averages:
                s, beta, x = before[slot], kept[slot], g if slot == "m" else g * g
                turned = self.lerp == "turned" and beta <= 0.5
                after[slot] = x - (x - s) * beta if turned else s + (1 - beta) * (x - s)
        return after


def ways(optimizer, dtype):
    """Every way that the bound is to cover."""
    for number in (np.dtype(dtype).type, float):
        for rule in rules(optimizer):
            for move in range(len(rule.moves)):
                for lerp in (False, "plain", "turned") if rule.averages else (False,):
                    yield Evaluated(optimizer, number, rule, move, lerp)
        if "clip_norm" in optimizer.settings:
            yield from (Evaluated(optimizer, number, clip=(norm, way)) for norm in NORMS for way in SCALINGS)


def ratios(trace, carried=None):
    """|update − expected| / bound for every element, NaN where nothing is told."""
    positions = np.arange(trace.steps)
    before = {name: trace.before(name, positions) for name in trace.problem.initial}
    expected = OwnStates(trace).updates(positions, before, carried or PRECISIONS[trace.problem.dtype])
    with np.errstate(all="ignore"):
        return np.concatenate(
            [
                (np.abs(trace.parameters[name].astype(float) - due.value) / due.error).reshape(trace.steps, -1)
                for name, due in expected.items()
            ],
            axis=1,
        )


@each_dtype
@each_regime
@each_optimizer
def test_every_way_to_evaluate_an_update_is_within_its_bound(optimizer, regime, dtype):
    for way in ways(optimizer, dtype):
        found = ratios(fabricated(optimizer, regime, dtype, way))
        assert np.isfinite(found).mean() > 0.8
        assert (found[np.isfinite(found)] <= 1).all()


@each_dtype
@each_regime
@each_optimizer
def test_the_exact_update_is_within_the_bound(optimizer, regime, dtype):
    trace = fabricated(optimizer, regime, dtype, Evaluated(optimizer, np.dtype(dtype).type))
    trace = trace.part(0, 12)
    positions = np.arange(12)
    before = {name: trace.before(name, positions) for name in trace.problem.initial}
    expected = OwnStates(trace).updates(positions, before, PRECISIONS[dtype])
    for step, exact in enumerate(exact_updates(trace)):
        for name, ball in exact.items():
            away = distance(ball, expected[name].value[step])
            assert (away <= expected[name].error[step]).all()
