"""Generation on a GPU: whether it is right, samples per second, and what share of the roofline they are.

Without a GPU it prints the roofline that it expects of known ones, and that of an iteration of training. With one it
runs the comparisons of tests/kernels/test_*_cuda.py, measures generation, and writes bench/results/gpu.json. Build the
kernels first, with a CUDA build of torch: `DGSYNTH_BUILD=cuda pip install -e .`
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import torch
from _roofline import GPUS, ISSUED, NOISE, UNITS, Gpu, has_flags, limits, most, table, work_of
from _runs import BENCH, RESULTS, versions
from _sequence_work import sequence_least, sequence_table
from _shapes import SHAPES, lengths_of
from _timing import rate
from _training_work import training_table

from dgsynth.batch import Layout, Output
from dgsynth.kernels import library_status, lstm_sequence
from dgsynth.kernels.activations import numbered
from dgsynth.kernels.generate import operands
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator

SAMPLES = {"wwt": 1_000_000, "mba": 1_000_000, "gcut": 1_000_000}
CORES = {(7, 5): 64, (8, 0): 64}
"""float32 lanes of a multiprocessor; 128 on all others since."""


def main() -> None:
    print(f"Roofline, thousands of samples a second:\n{table()}")
    of_training = training_table(_layouts())
    print(f"Least microseconds of an iteration of training, by each limit alone:\n{of_training}")
    print(f"Least microseconds of the LSTM's passes of training:\n{sequence_table(_layouts())}")
    if not torch.cuda.is_available():
        print("No GPU here: nothing was measured.")
        return
    if not library_status("CUDA")["path"]:
        sys.exit(f"error: the CUDA kernels are not in use: {library_status('CUDA')['reason']}")
    name, gpu = _this_gpu()
    results: dict[str, Any] = {"device": name, "assumed": asdict(gpu), "comparisons": _compare(), "shapes": {}}
    for shape in SHAPES:
        results["shapes"][shape] = {precision: _measure(gpu, shape, precision) for precision in ISSUED}
        print(shape, json.dumps(results["shapes"][shape], indent=1))
    results["lstm_sequence"] = {shape: _measure_sequence(gpu, layout) for shape, layout in _layouts().items()}
    print(json.dumps(results["lstm_sequence"], indent=1))
    results["versions"] = versions() | {"cuda": torch.version.cuda}
    results["expected"] = table().splitlines()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")


def layout_of(shape: str) -> Layout:
    """Return the layout of a shape's data, auto-normalized."""
    length, sample_len, measurements, categories = SHAPES[shape]
    return Layout(
        tuple(Output(count, "softmax") for count in categories),
        (Output(1, "sigmoid"),) * (2 * measurements),
        (Output(1, "sigmoid"),) * measurements,
        length,
        sample_len,
        has_flags(shape),
    )


def _layouts() -> dict[str, Layout]:
    return {shape: layout_of(shape) for shape in SHAPES}


def _this_gpu() -> tuple[str, Gpu]:
    """Return the GPU with what it says of itself; others read 20 bytes a clock from L2."""
    facts = torch.cuda.get_device_properties(0)
    known = next((gpu for name, gpu in GPUS.items() if name in facts.name), None)
    clock = known.clock if known else facts.clock_rate * 1e3
    return facts.name, Gpu(
        multiprocessors=facts.multi_processor_count,
        cores=CORES.get((facts.major, facts.minor), 128),
        clock=clock,
        shared=facts.shared_memory_per_block_optin // 1024,
        l2=known.l2 if known else 20 * clock * facts.multi_processor_count,
    )


def _compare() -> str:
    """Return the last line of the comparisons with the reference; a difference ends the run."""
    tests = sorted(str(path) for path in (BENCH.parent / "tests/kernels").glob("test_*_cuda.py"))
    done = subprocess.run([sys.executable, "-m", "pytest", "-m", "cuda", *tests], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout)
    return done.stdout.strip().splitlines()[-1]


def _measure(gpu: Gpu, shape: str, precision: str) -> dict[str, float]:
    """Return samples per second in the kernel and to numpy, and how near to the roofline that is."""
    n = SAMPLES[shape]
    arguments = _arguments(shape, precision, n)
    generate = torch.ops.dgsynth.generate

    def kernel() -> None:
        generate(*arguments)
        torch.cuda.synchronize()

    def to_numpy() -> None:
        for tensor in generate(*arguments):
            tensor.cpu().numpy()

    work, measured = work_of(shape, precision), rate(kernel, n)
    return {
        "kernel, samples/s": measured,
        "to numpy, samples/s": rate(to_numpy, n),
        "TFLOP/s": 2 * measured * work.passes * work.products / 1e12,
        "of the roofline": measured / most(gpu, shape, precision),
        **{f"limit by {name}, samples/s": limit for name, limit in limits(gpu, shape, precision).items()},
    }


def _measure_sequence(gpu: Gpu, layout: Layout, batch: int = 100) -> dict[str, Any]:
    """Return the microseconds of the LSTM's passes in training, all of them, by kernel and by reference."""
    generator = MeasurementGenerator(layout, NOISE, UNITS, 1, False, "random")
    state = torch.zeros(1, batch, UNITS)
    inputs = [torch.rand(batch, generator.condition_dim), torch.randn(batch, layout.passes, NOISE), state, state]
    weights, head = [list(generator.weights), list(generator.biases)], [generator.head.weight, generator.head.bias]
    settings = (False, *numbered(layout.step_outputs), layout.sample_len)
    if layout.has_flags:
        generator.head.bias.data.view(layout.sample_len, -1)[:, -2] = 20.0  # no flag ends a sample
    forward = (*(_to_gpu(operand) for operand in (*inputs, *weights, *head)), *settings)
    forward = (*forward, layout.max_length, layout.has_flags, False)
    made = torch.ops.dgsynth.lstm_sequence(*forward)
    backward = (torch.rand_like(made[0]), *made, *forward[:5], forward[6], *settings, False)
    calls = {
        "forward": (torch.ops.dgsynth.lstm_sequence, lstm_sequence.reference, forward),
        "backward": (torch.ops.dgsynth.lstm_sequence_backward, lstm_sequence.backward_reference, backward),
    }
    results = {}
    for direction, (op, reference, arguments) in calls.items():
        taken = 1e6 / rate(lambda op=op, arguments=arguments: _finished(op(*arguments)), 1, repeats=20)
        by_reference = 1e6 / rate(lambda op=reference, arguments=arguments: _finished(op(*arguments)), 1)
        least = sequence_least(gpu, layout, direction, batch)
        results[direction] = {"kernel, us": taken, "reference, us": by_reference, "of the roofline": least / taken}
    return results


def _finished(made: Any) -> Any:
    torch.cuda.synchronize()
    return made


def _arguments(shape: str, precision: str, n: int) -> tuple[Any, ...]:
    """Return the operation's arguments for an untrained model on the GPU."""
    generator = MeasurementGenerator(layout_of(shape), NOISE, UNITS, 1, False, "random")
    lengths = lengths_of(shape, n)
    forced = None if lengths is None else torch.from_numpy(lengths)
    condition = torch.rand(n, generator.condition_dim)
    flat = operands(generator.pack(precision), condition, 0, 0, forced)
    return tuple(_to_gpu(operand) for operand in flat)


def _to_gpu(operand: Any) -> Any:
    if isinstance(operand, list):
        return [_to_gpu(entry) for entry in operand]
    return operand.detach().cuda() if isinstance(operand, torch.Tensor) else operand


if __name__ == "__main__":
    main()
