"""A step of training on a GPU as a CUDA graph: recorded once, then launched as a whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from dgsynth.training.batching import RealBatch

WARM_UP = 3
"""Steps that run as they are, on a stream of their own, before one is recorded: libraries allocate in them."""

Step = Callable[[RealBatch, Tensor], Tensor]
"""From a real batch and the number of the step to the losses; all else that it reads and changes stays in its place."""


class Graph(Protocol):
    """What runs and records steps."""

    def run(self, step: Callable[[], Tensor]) -> Tensor: ...

    def record(self, step: Callable[[], Tensor]) -> Tensor: ...

    def replay(self) -> None: ...


class CudaGraph:
    """A graph of the current device; nothing in a recorded step may wait for the GPU."""

    def __init__(self) -> None:
        self._graph, self._stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()

    def run(self, step: Callable[[], Tensor]) -> Tensor:
        """Return what the step returns, run on a stream of its own."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            made = step()
        torch.cuda.current_stream().wait_stream(self._stream)
        return made

    def record(self, step: Callable[[], Tensor]) -> Tensor:
        """Return where `replay` will put the step's result; nothing is computed yet."""
        with torch.cuda.graph(self._graph):
            return step()

    def replay(self) -> None:
        self._graph.replay()


class CapturedStep:
    """Calls a step by its graph. The first calls run it as it is; each call is one step.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._calls = 0
        self._real: RealBatch | None = None
        self._number: Tensor
        self._losses: Tensor

    def __call__(self, step: Step, real: RealBatch, number: Tensor) -> Tensor:
        """Return the losses of the step, always the same one; it is not kept, lest it keep its owner."""
        if self._real is None:
            self._real, self._number = _in_one_place(real), number.clone()
        self._real.rows.copy_(real.rows)
        self._real.lengths.copy_(real.lengths)
        self._number.copy_(number)
        self._calls += 1
        at_place = partial(step, self._real, self._number)
        if self._calls <= WARM_UP:
            return self._graph.run(at_place)
        if self._calls == WARM_UP + 1:
            self._losses = self._graph.record(at_place)
        self._graph.replay()
        return self._losses.clone()


def _in_one_place(real: RealBatch) -> RealBatch:
    """Return a copy of which all parts but the lengths are views of `rows`."""
    rows, widths = real.rows.clone(), [real.steps[0].numel(), real.metadata.shape[1], real.minmax.shape[1]]
    steps, metadata, minmax = rows.split(widths, dim=1)
    return RealBatch(metadata, minmax, steps.view(real.steps.shape), real.lengths.clone(), rows)
