"""Every optimizer's first two steps are its paper's equations, written out here by hand, over symbols."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import sympy
from sympy import Abs, Max, Rational, Symbol, sqrt

from comparisons.arithmetic.symbolic import as_symbols
from manual.optimizers import coefficients, initial_state, rules, updated
from manual.optimizers.clipping import NORMS, SCALINGS, clipped
from problems.optimizer import FORMS, OPTIMIZERS
from problems.problem import Optimizer
from problems.schedule import Schedule

THETA, ETA = Symbol("theta", real=True), Symbol("eta", positive=True)
G = [Symbol("g_1", real=True), Symbol("g_2", real=True)]
MU, RHO, EPS, LAMBDA, A = (Symbol(n, positive=True) for n in ("mu", "rho", "epsilon", "lambda", "a"))
B1, B2, PSI = (Symbol(n, positive=True) for n in ("beta_1", "beta_2", "psi"))
NAMED = {
    "rate": ETA,
    "momentum": MU,
    "rho": RHO,
    "epsilon": EPS,
    "initial_accumulator": A,
    "beta_1": B1,
    "beta_2": B2,
    "momentum_decay": PSI,
    "warmth": Rational(96, 100),
}


def two_steps(optimizer, extra=None):
    """θ after one and after two steps, from gradients g₁ and g₂."""
    state, theta, after = None, {"W1": as_symbols(THETA)}, []
    for t, g in enumerate(G, 1):
        given = {name: as_symbols(NAMED[name]) for name in coefficients(optimizer, t, float) if name in NAMED}
        given |= {name: as_symbols(value) for name, value in (extra or {}).items()} | {"t": t}
        state = state or initial_state(optimizer, theta, given)
        theta, state = updated(optimizer, theta, {"W1": as_symbols(g)}, state, given)
        after.append(theta["W1"].item())
    return after


def by_velocity_of_gradients():
    v = 0, G[0], MU * G[0] + G[1]
    return [-ETA * v[1], -ETA * v[2]]


def by_velocity_of_steps():
    v1 = -ETA * G[0]
    return [v1, MU * v1 - ETA * G[1]]


def ahead_of_gradients():
    v1, v2 = G[0], MU * G[0] + G[1]
    return [-ETA * (G[0] + MU * v1), -ETA * (G[1] + MU * v2)]


def ahead_of_steps():
    v1 = -ETA * G[0]
    v2 = MU * v1 - ETA * G[1]
    return [MU * v1 - ETA * G[0], MU * v2 - ETA * G[1]]


def adagrad(root):
    sums = A + G[0] ** 2, A + G[0] ** 2 + G[1] ** 2
    return [-ETA * g / root(s) for g, s in zip(G, sums, strict=True)]


def rmsprop(root):
    s1 = (1 - RHO) * G[0] ** 2
    return [-ETA * G[0] / root(s1), -ETA * G[1] / root(RHO * s1 + (1 - RHO) * G[1] ** 2)]


def outside(s):
    return sqrt(s) + EPS


def inside(s):
    return sqrt(s + EPS)


def moments():
    m1, v1 = (1 - B1) * G[0], (1 - B2) * G[0] ** 2
    return (m1, B1 * m1 + (1 - B1) * G[1]), (v1, B2 * v1 + (1 - B2) * G[1] ** 2)


def adam():
    m, v = moments()
    hats = [(m[k] / (1 - B1 ** (k + 1)), v[k] / (1 - B2 ** (k + 1))) for k in (0, 1)]
    return [-ETA * m_hat / (sqrt(v_hat) + EPS) for m_hat, v_hat in hats]


def adam_uncorrected():
    m, v = moments()
    return [-ETA * sqrt(1 - B2**t) / (1 - B1**t) * m[t - 1] / (sqrt(v[t - 1]) + EPS) for t in (1, 2)]


def adamax_norm():
    m, _ = moments()
    u1 = Abs(G[0]) + EPS
    u = u1, Max(B2 * u1, Abs(G[1]) + EPS)
    return [-ETA / (1 - B1**t) * m[t - 1] / u[t - 1] for t in (1, 2)]


def adamax_denominator():
    m, _ = moments()
    u = Abs(G[0]), Max(B2 * Abs(G[0]), Abs(G[1]))
    return [-ETA / (1 - B1**t) * m[t - 1] / (u[t - 1] + EPS) for t in (1, 2)]


def nadam(momenta):
    m, v = moments()
    products = momenta[0], momenta[0] * momenta[1], momenta[0] * momenta[1] * momenta[2]
    steps = []
    for t, (now, following) in enumerate(pairwise(momenta), 1):
        m_bar = following * m[t - 1] / (1 - products[t]) + (1 - now) * G[t - 1] / (1 - products[t - 1])
        steps.append(-ETA * m_bar / (sqrt(v[t - 1] / (1 - B2**t)) + EPS))
    return steps


def warming():
    return [B1 * (1 - Rational(1, 2) * Rational(96, 100) ** (t * PSI)) for t in (1, 2, 3)]


PAPERS = {
    ("sgd", ""): lambda: [-ETA * g for g in G],
    ("momentum", "gradient"): by_velocity_of_gradients,
    ("momentum", "step"): by_velocity_of_steps,
    ("nesterov", "gradient"): ahead_of_gradients,
    ("nesterov", "step"): ahead_of_steps,
    ("adagrad", "outside"): lambda: adagrad(outside),
    ("adagrad", "inside"): lambda: adagrad(inside),
    ("rmsprop", "outside"): lambda: rmsprop(outside),
    ("rmsprop", "inside"): lambda: rmsprop(inside),
    ("adam", "corrected"): adam,
    ("adam", "uncorrected"): adam_uncorrected,
    ("adamw", "corrected"): adam,
    ("adamw", "uncorrected"): adam_uncorrected,
    ("adamax", "norm"): adamax_norm,
    ("adamax", "denominator"): adamax_denominator,
    ("nadam", "constant"): lambda: nadam((B1, B1, B1)),
    ("nadam", "dozat"): lambda: nadam(warming()),
}


def made(name, form):
    setting = next(iter(FORMS.get(name, {})), None)
    return Optimizer(name=name, learning_rate=0.1, settings={setting: form} if setting else {})


def test_every_form_of_every_optimizer_has_its_paper_here():
    assert set(PAPERS) == {
        (name, form) for name in OPTIMIZERS for forms in (FORMS.get(name) or {"": ("",)}).values() for form in forms
    }


def zero(expression):
    """Whether it is 0 at a few points, to 40 digits."""
    rng = np.random.default_rng(2)
    for _ in range(4):
        point = {s: Rational(int(rng.integers(1, 10**6)), 10**6 + 7) for s in expression.free_symbols}
        point |= {g: value * (-1) ** int(rng.integers(2)) for g, value in point.items() if g in G}
        if abs(expression.subs(point).evalf(60)) > sympy.Float("1e-40"):
            return False
    return True


@pytest.mark.parametrize(("name", "form"), PAPERS, ids=lambda part: part or "plain")
def test_two_steps_are_the_papers(name, form):
    decays = {"weight_decay": LAMBDA} if name == "adamw" else {}
    first, second = two_steps(made(name, form), decays)
    one, two = PAPERS[name, form]()
    keeps = 1 - ETA * LAMBDA if decays else 1
    assert zero(first - (keeps * THETA + one))
    assert zero(second - (keeps * (keeps * THETA + one) + two))


@pytest.mark.parametrize(("name", "form"), PAPERS, ids=lambda part: part or "plain")
def test_a_wrong_sign_or_setting_is_not_the_papers(name, form):
    first, second = two_steps(made(name, form))
    one, two = PAPERS[name, form]()
    assert not zero(first - (THETA - one))
    assert not zero(second - (THETA + one - two))


@pytest.mark.parametrize(("name", "form"), PAPERS, ids=lambda part: part or "plain")
def test_every_way_to_evaluate_a_move_is_the_same_number(name, form):
    letters = {slot: as_symbols(Symbol(slot, positive=True)) for slot in ("m", "v", "u", "s", "product")}
    given = {key: as_symbols(value) for key, value in NAMED.items()} | letters | {"t": 3, "g": as_symbols(G[0])}
    (rule, *_) = rules(made(name, form))
    first, *others = (sum(way(**given), start=as_symbols(0)).item() for way in rule.moves)
    assert all(zero(first - other) for other in others)


@pytest.mark.parametrize(("name", "form"), PAPERS, ids=lambda part: part or "plain")
def test_what_is_kept_and_what_flows_in_make_the_next_slot(name, form):
    (rule, *_) = rules(made(name, form))
    slots = {slot: as_symbols(Symbol(slot, positive=True)) for slot in rule.start}
    given = {key: as_symbols(value) for key, value in NAMED.items()} | {"t": 3, "g": as_symbols(G[0])}
    after, inflow = rule.absorb(**given, **slots), rule.absorb(**given, **dict.fromkeys(slots, 0))
    kept = rule.kept(**{**given, **slots})
    for slot, held in slots.items():
        old = as_symbols(kept[slot]).item() * held.item()
        new = as_symbols(inflow[slot]).item()
        due = Max(old, new) if slot in rule.largest else old + new
        assert zero(after[slot].item() - due)


def test_float32_stays_float32_and_members_stay_apart():
    rng = np.random.default_rng(4)
    theta = {"W1": rng.normal(size=(3, 2, 2)).astype(np.float32), "b1": rng.normal(size=(3, 1, 2)).astype(np.float32)}
    g = {name: rng.normal(size=values.shape).astype(np.float32) for name, values in theta.items()}
    for name, form in PAPERS:
        optimizer = made(name, form)
        optimizer = Optimizer(name=name, learning_rate=0.1, settings={**optimizer.settings, "clip_norm": 0.5})
        given = coefficients(optimizer, 1, np.float32)
        after, _ = updated(optimizer, theta, g, initial_state(optimizer, theta, given), given)
        one = {n: values[1] for n, values in theta.items()}
        alone, _ = updated(optimizer, one, {n: v[1] for n, v in g.items()}, initial_state(optimizer, one, given), given)
        assert all(values.dtype == np.float32 for values in after.values())
        assert all((after[n][1] == values).all() for n, values in alone.items())


def test_the_learning_rate_follows_its_schedule():
    optimizer = Optimizer(learning_rate=0.5, schedule=Schedule(name="step", every=2, decay=0.1))
    assert [coefficients(optimizer, t, float)["rate"] for t in (1, 2, 3)] == [0.5, 0.5, 0.5 * 0.1]


GRADIENTS = {"W1": np.array([[3.0, -4.0]]), "b1": np.array([[12.0]])}


def test_norms_are_clipped_together_each_alone_or_by_element():
    together = clipped(GRADIENTS, {"clip_norm": 6.5})
    each = clipped(GRADIENTS, {"clip_norm_each": 6.5})
    elements = clipped(GRADIENTS, {"clip_value": 3.5})
    assert np.allclose(together["W1"], GRADIENTS["W1"] / 2)
    assert np.allclose(together["b1"], 6.0)
    assert np.allclose(each["W1"], GRADIENTS["W1"])
    assert np.allclose(each["b1"], 6.5)
    assert elements["W1"].tolist() == [[3.0, -3.5]]
    assert elements["b1"].tolist() == [[3.5]]


def test_a_small_or_zero_gradient_is_not_clipped():
    zeros = {name: 0 * g for name, g in GRADIENTS.items()}
    assert all((g == 0).all() for g in clipped(zeros, {"clip_norm": 1.0}).values())
    assert (clipped(GRADIENTS, {"clip_norm": 100.0})["W1"] == GRADIENTS["W1"]).all()


def test_epsilon_is_added_to_the_norm():
    assert np.allclose(clipped(GRADIENTS, {"clip_norm": 6.5, "clip_epsilon": 13.0})["b1"], 3.0)


def test_every_way_to_clip_is_the_same_number():
    for norm in NORMS:
        assert np.allclose(norm(GRADIENTS), 13.0)
    assert all(np.allclose(way(GRADIENTS["b1"], 13.0, 6.5), 6.0) for way in SCALINGS)
