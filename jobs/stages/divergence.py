"""How far a student's next-token probabilities are from a teacher's."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from jobs.specs import DIVERGENCES


def divergence(
    student: Tensor, teacher: Tensor, kind: str = "forward_kl", *, beta: float = 0.5, temperature: float = 1.0
) -> Tensor:
    """Mean over tokens, in nats; logits (tokens, vocabulary), of which the teacher's get no gradient.

    ``forward_kl``: KL(teacher || student), Hinton et al. 2015, which covers all that the teacher holds possible.
    ``reverse_kl``: KL(student || teacher), Gu et al. 2023 (MiniLLM), which stays with what it holds likely.
    ``jsd``: beta KL(teacher || mixture) + (1 - beta) KL(student || mixture), the mixture having ``beta`` of the teacher,
    Agarwal et al. 2023 (GKD). Scaled by the square of the temperature, so that gradients keep their size.
    """
    ours = log_softmax(student.float() / temperature, dim=-1)
    theirs = log_softmax(teacher.detach().float() / temperature, dim=-1)
    return temperature**2 * _KINDS[kind](ours, theirs, beta)


def _forward(ours: Tensor, theirs: Tensor, _beta: float) -> Tensor:
    return kl_div(ours, theirs, reduction="batchmean", log_target=True)


def _reverse(ours: Tensor, theirs: Tensor, _beta: float) -> Tensor:
    return kl_div(theirs, ours, reduction="batchmean", log_target=True)


def _jensen_shannon(ours: Tensor, theirs: Tensor, beta: float) -> Tensor:
    shares = torch.tensor([beta, 1 - beta], device=ours.device).log()
    mixture = torch.logsumexp(torch.stack([theirs + shares[0], ours + shares[1]]), dim=0)
    return beta * _forward(mixture, theirs, beta) + (1 - beta) * _forward(mixture, ours, beta)


_KINDS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = dict(
    zip(DIVERGENCES, (_forward, _reverse, _jensen_shannon), strict=True)
)
