"""The order of weights that the kernels read."""

import pytest
import torch

from dgsynth.kernels.packing import by_gate, by_unit, pack, unpack


@pytest.mark.parametrize(("rows", "columns"), [(8, 3), (10, 4), (1, 1)])
def test_unpacking_gives_the_matrix_back(rows, columns):
    matrix = torch.randn(rows, columns)
    assert torch.equal(unpack(pack(matrix), torch.float32)[:rows], matrix)
    rounded = unpack(pack(matrix, "bfloat16"), torch.float32)
    assert torch.equal(rounded[:rows, :columns], matrix.bfloat16().float())
    assert not rounded[rows:].any() and not rounded[:, columns:].any()


def test_four_rows_lie_beside_each_other():
    matrix = torch.arange(24.0).reshape(8, 3)
    assert pack(matrix).shape == (2, 3, 4)
    assert pack(matrix)[1, 2].tolist() == matrix[4:, 2].tolist()
    assert pack(matrix, "bfloat16").shape == (2, 2, 4, 2)
    assert pack(matrix, "bfloat16")[1, 0].tolist() == matrix[4:, :2].tolist()


def test_gates_are_ordered_by_unit_and_back():
    gates = torch.arange(12).reshape(12, 1)  # three units: input 0 1 2, forget 3 4 5, ...
    assert by_unit(gates)[:, 0].tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    assert torch.equal(by_gate(by_unit(gates)), gates)
