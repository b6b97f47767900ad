"""Differentially private training of the adapters (DP-SGD, Abadi et al., 2016): what one row can change is bounded.

Each step takes every row with the same small chance, clips each row's gradient, adds Gaussian noise to the sum, and divides
by the expected number of rows. The guarantee is for a row: with an epsilon of 8, whether a row was there changes the odds
of any finished adapter by a factor of e^8 at most, but for a chance of delta. A secret in fifty rows is not covered, nor are the loss
curve and the scores, which staff see.

opacus hooks the layers of a model to have each row's gradient; packed rows and fused layers have no such hooks, so a row
goes through alone, which is what it costs. The accountant agrees with opacus's (``tests/stages/test_private_sgd.py``).
"""

import json
import math
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import TrainSpec
from jobs.stages.batches import Batch
from jobs.stages.entry import StageRefusal

_ORDERS = range(2, 256)
_LEAST_NOISE, _MOST_NOISE = 0.3, 1000.0


@dataclass(frozen=True)
class Privacy:
    """How a run keeps its promise; decided before the first step."""

    share: float
    """The chance of a row to be in a step."""
    steps: int
    noise: float
    """Standard deviation of the noise, in units of the clipping bound."""
    clip: float
    epsilon: float
    delta: float
    rows_per_step: float
    seed: str
    """Drawn anew for each run: whoever knows it can take the noise away. Kept only while the run works."""

    def plan(self, rows: int) -> list[Batch]:
        """Each step's rows, every row drawn by itself: what the accountant assumes. A step may be empty."""
        rng = random.Random(f"{self.seed} rows")
        return [[i for i in range(rows) if rng.random() < self.share] for _ in range(self.steps)]

    def facts(self) -> dict[str, float]:
        """For the run's metrics."""
        names = ("epsilon", "delta", "noise", "clip", "rows_per_step")
        return {name: getattr(self, name) for name in names}


def privacy_of(spec: TrainSpec, rows: int, run: RunDir) -> Privacy | None:
    """None unless the spec asks for an epsilon. Steps of about the square root of all rows, as Abadi et al. advise."""
    if not spec.dp_epsilon:
        return None
    if spec.dp_delta >= 1 / rows:
        raise StageRefusal(f"Lower dp_delta below 1/{rows}: a larger one promises nothing for {rows} rows.")
    per_step = max(1, round(math.sqrt(rows)))
    steps = max(1, round(spec.epochs * rows / per_step))
    share = per_step / rows
    noise = noise_for(spec.dp_epsilon, spec.dp_delta, share, steps)
    return Privacy(
        share=share,
        steps=steps,
        noise=noise,
        clip=spec.dp_clip,
        epsilon=epsilon_of(noise, spec.dp_delta, share, steps),
        delta=spec.dp_delta,
        rows_per_step=per_step,
        seed=_secret(run),
    )


def forget_seed(run: RunDir) -> None:
    """Once training is over nobody should be able to draw the noise again."""
    (run.path / "noise_seed.json").unlink(missing_ok=True)


def _secret(run: RunDir) -> str:
    """The same for a run that is resumed, so that it goes on with the steps it began with."""
    path = run.path / "noise_seed.json"
    if not path.is_file():
        write_json_atomic(path, {"seed": secrets.token_hex(32)})
    return str(json.loads(path.read_text(encoding="utf-8"))["seed"])


def set_private_gradients(
    parameters: Sequence[torch.nn.Parameter],
    losses: Sequence[Callable[[], torch.Tensor]],
    privacy: Privacy,
    step: int,
) -> torch.Tensor:
    """Leave the noisy mean of the rows' clipped gradients on the parameters; returns the mean loss, without noise.

    ``losses`` has a function for each row of the step. All parameters share one bound, of their joint norm.
    """
    summed = [torch.zeros_like(parameter) for parameter in parameters]
    total = torch.zeros((), device=parameters[0].device)
    for loss_of in losses:
        for parameter in parameters:
            parameter.grad = None
        loss = loss_of()
        loss.backward()
        total += loss.detach()
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        factor = (privacy.clip / (norm + 1e-6)).clamp(max=1.0)
        for place, gradient in zip(summed, gradients, strict=True):
            place.add_(gradient * factor)
    generator = torch.Generator().manual_seed(_number(privacy.seed, step))
    for parameter, place in zip(parameters, summed, strict=True):
        noise = torch.randn(place.shape, generator=generator).to(place)
        parameter.grad = (place + privacy.noise * privacy.clip * noise) / privacy.rows_per_step
    return total / max(1, len(losses))


def _number(seed: str, step: int) -> int:
    return random.Random(f"{seed} noise {step}").getrandbits(63)


def epsilon_of(noise: float, delta: float, share: float, steps: int) -> float:
    """The epsilon of so many steps of the sampled Gaussian mechanism, by Rényi differential privacy.

    Mironov, Talwar and Zhang, 2019, equation for integer orders; turned into (epsilon, delta) as Balle et al., 2020.
    """
    return min(
        steps * _renyi(noise, share, order)
        - (math.log(delta) + math.log(order)) / (order - 1)
        + math.log((order - 1) / order)
        for order in _ORDERS
    )


def _renyi(noise: float, share: float, order: int) -> float:
    """Of one step, in nats."""
    if share == 1:
        return order / (2 * noise**2)
    terms = [
        math.log(math.comb(order, k))
        + k * math.log(share)
        + (order - k) * math.log1p(-share)
        + (k * k - k) / (2 * noise**2)
        for k in range(order + 1)
    ]
    largest = max(terms)
    return (largest + math.log(sum(math.exp(term - largest) for term in terms))) / (order - 1)


def noise_for(epsilon: float, delta: float, share: float, steps: int) -> float:
    """The least noise that keeps within ``epsilon``, to 0.1 %. Raises StageRefusal where none does."""
    low, high = _LEAST_NOISE, _MOST_NOISE
    if epsilon_of(high, delta, share, steps) > epsilon:
        raise StageRefusal("No noise keeps so small an epsilon. Raise dp_epsilon, or lower epochs.")
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if epsilon_of(middle, delta, share, steps) <= epsilon else (middle, high)
    return high
