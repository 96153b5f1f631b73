"""Log-signatures of lead-lag paths: what a short window of a series looks like, in a few numbers.

The coordinates are the coefficients of the Lyndon words in the logarithm of the signature, in the order of their length
and then of their letters; all backends give the same.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

BACKENDS = ("pysiglib", "esig", "torch")


def lead_lag(path: Tensor) -> Tensor:
    """Return the lead-lag path (B, 2L - 1, 2K) of paths (B, L, K): each channel ahead of itself by half a step.

    The area between a channel and its lag is half its quadratic variation.
    """
    twice = path.repeat_interleave(2, dim=1)
    return torch.cat([twice[:, 1:], twice[:, :-1]], dim=2)


def log_signature(path: Tensor, depth: int, backend: str) -> Tensor:
    """Return the log-signatures (B, C) of paths (B, L, d) up to words of `depth` letters.

    Parameters
    ----------
    path : Tensor of shape (B, L, d)
    depth : int
    backend : {"pysiglib", "esig", "torch"}
        "torch" is the definition. "esig" computes no gradient.
    """
    if backend == "pysiglib":
        return _by_pysiglib(path, depth)
    levels = _by_esig(path, depth) if backend == "esig" else signature(path, depth)
    logarithm = torch.cat(tensor_log(levels), dim=1)
    return logarithm[:, _places(path.shape[2], depth)]


def signature(path: Tensor, depth: int) -> list[Tensor]:
    """Return the signatures of piecewise linear paths (B, L, d): levels 1 to `depth`, of shape (B, d^level).

    References
    ----------
    Chen's identity: the signature of two paths, one after the other, is the product of theirs; that of a straight line
    is the exponential of its increment.
    """
    levels = [path.new_zeros(len(path), path.shape[2] ** level) for level in range(1, depth + 1)]
    for increment in (path[:, 1:] - path[:, :-1]).unbind(1):
        after = []
        for level in range(1, depth + 1):
            # Horner: ((dx / k + S1) dx / (k - 1) + S2) ... + S_k
            product = increment / level
            for lower in range(1, level):
                product = _outer(product + levels[lower - 1], increment / (level - lower))
            after.append(levels[level - 1] + product)
        levels = after
    return levels


def tensor_log(levels: list[Tensor]) -> list[Tensor]:
    """Return the logarithm of signatures, level by level: x - x^2 / 2 + x^3 / 3 - ..., with x the levels from 1 on."""
    result, power = [level.clone() for level in levels], levels
    for n in range(2, len(levels) + 1):
        power = _product(power, levels)
        result = [total + (-1) ** (n + 1) / n * term for total, term in zip(result, power, strict=True)]
    return result


@cache
def lyndon_words(letters: int, depth: int) -> tuple[tuple[int, ...], ...]:
    """Return the words of up to `depth` letters that come before all their rotations, shorter ones first (Duval)."""
    found, word = [], [-1]
    while word:
        word[-1] += 1
        found.append(tuple(word))
        period = len(word)
        word = [word[i % period] for i in range(depth)]
        while word and word[-1] == letters - 1:
            word.pop()
    return tuple(sorted(found, key=lambda w: (len(w), w)))


def require_backend(backend: str) -> str:
    """Return the backend to use; "auto" is pysiglib where it is installed, else torch.

    Raises
    ------
    ImportError
        The backend asked for is not installed.
    """
    if backend == "auto":
        return "pysiglib" if find_spec("pysiglib") else "torch"
    if backend != "torch" and find_spec(backend) is None:
        raise ImportError(
            f"MarketSimulator with backend={backend!r} needs {backend}; install it with: pip install {backend}, or "
            "choose backend='torch'"
        )
    return backend


def _by_pysiglib(path: Tensor, depth: int) -> Tensor:
    from pysiglib import torch_api

    _prepare(path.shape[2], depth)
    made: Tensor = torch_api.log_sig(path.contiguous(), depth, method=1, n_jobs=torch.get_num_threads())
    return made


@cache
def _prepare(letters: int, depth: int) -> None:
    from pysiglib import torch_api

    torch_api.prepare_log_sig(letters, depth, 1)


def _by_esig(path: Tensor, depth: int) -> list[Tensor]:
    import esig

    made = [torch.from_numpy(esig.stream2sig(one, depth)) for one in path.detach().double().numpy()]
    sizes = [path.shape[2] ** level for level in range(depth + 1)]
    return list(torch.stack(made).to(path.dtype).split(sizes, dim=1)[1:])


@cache
def _places(letters: int, depth: int) -> Any:
    """Return where the Lyndon words are among all words, level after level."""
    starts = [sum(letters**lower for lower in range(1, level)) for level in range(1, depth + 1)]
    return [
        starts[len(word) - 1] + sum(letter * letters**i for i, letter in enumerate(reversed(word)))
        for word in lyndon_words(letters, depth)
    ]


def _outer(left: Tensor, right: Tensor) -> Tensor:
    return (left[:, :, None] * right[:, None, :]).flatten(1)


def _product(left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
    """Return the product of two series without constant term, cut at their depth."""
    products = [torch.zeros_like(level) for level in left]
    for i, one in enumerate(left):
        for j, other in enumerate(right[: len(left) - i - 1]):
            products[i + j + 1] = products[i + j + 1] + _outer(one, other)
    return products
