"""In which number format a CPU trains."""

import time
from functools import cache

import torch


@cache
def bfloat16_is_quicker() -> bool:
    """Half precision pays on processors with avx512_bf16 or AMX, by up to three times, and costs elsewhere: measured.

    Takes 20 ms. Products are of an encoder's or small model's usual size.
    """
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(1024, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
        left @ right
        # The best of several: a neighbour on the machine may hold up any one of them.
        seconds[dtype] = min(_seconds_of(left, right) for _ in range(5))
    return seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]


def _seconds_of(left: torch.Tensor, right: torch.Tensor) -> float:
    began = time.perf_counter()
    left @ right
    return time.perf_counter() - began
