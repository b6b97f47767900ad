"""Adapted layers and norms with as few passes over memory as their arithmetic needs.

On a CPU the products of a LoRA step take little more than a third of its time; the rest goes into passes over
memory: casts, sums and scalings of separate operators, each with its own backward pass. The functions here give
the same numbers (tests/stages/test_fused.py) with the backward pass written by hand.
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def fuse(model: nn.Module) -> int:
    """Give every adapted linear layer and RMS norm of ``model`` its fused forward; how many were changed.

    A layer whose adapter does more than two products (dropout, DoRA) is left as it is, as are trained norms.
    """
    changed = 0
    for module in model.modules():
        forward = _forward_for(module)
        if forward is not None:
            module.forward = MethodType(forward, module)
            changed += 1
    return changed


def _forward_for(module: nn.Module) -> Any:
    if isinstance(module, LoraLinear):
        plain = type(module.base_layer) is nn.Linear and not module.lora_variant
        still = all(isinstance(dropout, nn.Identity) for dropout in module.lora_dropout.values())
        return _lora_forward if plain and still and len(module.active_adapters) == 1 else None
    if type(module).__name__.endswith("RMSNorm") and not module.weight.requires_grad:
        return _norm_forward
    return None


def _lora_forward(self: LoraLinear, x: Tensor) -> Tensor:
    name = self.active_adapters[0]
    return LoraProduct.apply(
        x,
        self.base_layer.weight,
        self.base_layer.bias,
        self.lora_A[name].weight,
        self.lora_B[name].weight,
        self.scaling[name],
    )


class LoraProduct(torch.autograd.Function):
    """x Wᵀ + bias + s (x Aᵀ) Bᵀ for x (..., in), frozen W (out, in), A (r, in), B (out, r); gradients for x, A, B."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        a, b = a.to(weight.dtype), (scaling * b).to(weight.dtype)
        inner = flat @ a.T
        out = flat @ weight.T if bias is None else torch.addmm(bias, flat, weight.T)
        out.addmm_(inner, b.T)
        ctx.save_for_backward(flat, weight, a, b, inner)
        ctx.scaling, ctx.dtype = scaling, x.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, weight, a, b, inner = ctx.saved_tensors
        out = grad.reshape(-1, grad.shape[-1])
        into = out @ b
        grad_a = (into.T @ flat).float()
        grad_b = (out.T @ inner).float() * ctx.scaling
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (out @ weight).addmm_(into, a).view(*grad.shape[:-1], -1).to(ctx.dtype)
        return grad_x, None, None, grad_a, grad_b, None


def _norm_forward(self: nn.Module, x: Tensor) -> Tensor:
    gemma = not hasattr(self, "variance_epsilon")
    weight = 1.0 + self.weight.float() if gemma else self.weight.float()
    return FrozenNorm.apply(x, weight, self.eps if gemma else self.variance_epsilon)


class FrozenNorm(torch.autograd.Function):
    """x / rms(x) * weight over the last dimension, in float32 inside (Zhang and Sennrich 2019); no gradient for
    the weight.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        wide = x.float()
        inverse = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        inverse = inverse.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        return (wide * inverse).mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, weight, inverse = ctx.saved_tensors
        scaled = grad.float() * weight
        wide = x.float()
        share = torch.linalg.vecdot(scaled, wide).unsqueeze(-1) * inverse.square() / x.shape[-1]
        return (scaled.sub_(wide * share)).mul_(inverse).to(x.dtype), None, None
