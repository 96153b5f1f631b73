"""The original project's files are read, and its pickles can't do anything but describe outputs."""

from __future__ import annotations

import copyreg
import os
import pickle
import struct
import sys
from enum import Enum
from types import ModuleType

import numpy as np
import pytest

from dgsynth.data import Sequences, read_table
from dgsynth.data.paper.original import MAX_PICKLE_BYTES, read_original
from dgsynth.errors import DataError


class OutputType(Enum):
    CONTINUOUS = "CONTINUOUS"
    DISCRETE = "DISCRETE"


class Normalization(Enum):
    ZERO_ONE = "ZERO_ONE"
    MINUSONE_ONE = "MINUSONE_ONE"


class Output:
    def __init__(self, type_, dim, normalization=None, is_gen_flag=False):
        self.type_ = type_
        self.dim = dim
        self.normalization = normalization
        self.is_gen_flag = is_gen_flag


for cls in (OutputType, Normalization, Output):
    cls.__module__ = "output"


DISCRETE = Output(OutputType.DISCRETE, 3)
CONTINUOUS = Output(OutputType.CONTINUOUS, 1, Normalization.ZERO_ONE)
SIGNED = Output(OutputType.CONTINUOUS, 1, Normalization.MINUSONE_ONE)
FLAG = Output(OutputType.DISCRETE, 2, is_gen_flag=True)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Function: a folder with arrays of 4 samples, 3 steps, and the given pickles."""
    module = ModuleType("output")
    module.OutputType, module.Normalization, module.Output = OutputType, Normalization, Output
    monkeypatch.setitem(sys.modules, "output", module)

    def make(attributes=(DISCRETE,), features=(CONTINUOUS, DISCRETE), protocol=2, **arrays):
        for name, outputs in (("attribute", attributes), ("feature", features)):
            data = outputs if isinstance(outputs, bytes) else pickle.dumps(list(outputs), protocol)
            (tmp_path / f"data_{name}_output.pkl").write_bytes(data)
        steps = np.linspace(0, 1, 12).reshape(4, 3, 1)
        full = {
            "data_attribute": np.eye(3)[[0, 2, 2, 1]].astype("float32"),
            "data_feature": np.concatenate([steps, np.eye(3)[np.arange(12).reshape(4, 3) % 3]], axis=2),
            "data_gen_flag": np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=float),
        } | arrays
        np.savez(tmp_path / "data_train.npz", **{name: array for name, array in full.items() if array is not None})
        return tmp_path

    return make


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_values_lengths_and_categories(write, protocol):
    made = read_original(write(protocol=protocol))
    assert made.lengths.tolist() == [3, 1, 2, 3]
    assert made.metadata["attribute_0"].tolist() == [0, 2, 2, 1]
    assert made.measurements["feature_0"].to_numpy() == pytest.approx(np.array([0, 1, 2, 3, 6, 7, 9, 10, 11]) / 11)
    assert made.measurements["feature_1"].tolist() == [0, 1, 2, 0, 0, 1, 0, 1, 2]
    assert made.schema.column("attribute_0").categories == (0, 1, 2)
    assert isinstance(made.restore(), Sequences)


def test_scaling_is_undone(write):
    limits = {"data_feature_min": np.array([10.0]), "data_feature_max": np.array([21.0])}
    made = read_original(write(**limits))
    assert made.measurements["feature_0"].iloc[:4].tolist() == pytest.approx([10, 11, 12, 13])


def test_signed_scaling_is_undone(write):
    values = np.array([-1, 0, 1.0] * 4).reshape(4, 3, 1)
    limits = {"data_feature_min": np.array([10.0]), "data_feature_max": np.array([20.0])}
    made = read_original(write(features=[SIGNED], data_feature=values, **limits))
    assert made.measurements["feature_0"].iloc[:3].tolist() == [10, 15, 20]


def test_listed_flag_has_no_columns(write):
    assert read_original(write(features=[CONTINUOUS, DISCRETE, FLAG])).schema.measurement_names == [
        "feature_0",
        "feature_1",
    ]


def test_vector_of_continuous_values_becomes_columns(write):
    made = read_original(write(features=[Output(OutputType.CONTINUOUS, 4, Normalization.ZERO_ONE)]))
    assert made.schema.measurement_names == [f"feature_0_{j}" for j in range(4)]


def test_pickles_of_python_2(write):
    old = (
        b"(lp0\nccopy_reg\n_reconstructor\np1\n(coutput\nOutput\np2\nc__builtin__\nobject\np3\nNtp4\nRp5\n(dp6\n"
        b"S'dim'\np7\nI3\nsS'type_'\np8\ncoutput\nOutputType\np9\n(S'DISCRETE'\np10\ntp11\nRp12\n"
        b"sS'is_gen_flag'\np13\nI00\nsS'normalization'\np14\nNsba."
    )
    assert read_original(write(attributes=old)).schema.column("attribute_0").categories == (0, 1, 2)


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def chain_of_getattr() -> bytes:
    return pickle.dumps([Call(getattr, Call(getattr, Call(__import__, "os"), "environ"), "clear")], 2)


ATTACKS = {
    "system": (pickle.dumps([Call(os.system, "touch harm")], 2), "system"),
    "eval": (pickle.dumps([Call(eval, "1")], 2), "eval"),
    "eval 0": (pickle.dumps([Call(eval, "1")], 0), "eval"),
    "eval 4": (pickle.dumps([Call(eval, "1")], 4), "builtins.eval"),
    "exec": (b"cbuiltins\nexec\n(S'1'\ntR.", "builtins.exec"),
    "python 2 eval": (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
    "getattr": (chain_of_getattr(), "__import__|getattr asks for more"),
    "import": (b"cbuiltins\n__import__\n(S'os'\ntR.", "__import__"),
    "dotted name": (b"\x80\x04\x8c\x06output\x8c\x0fOutput.__init__\x93.", "output.Output.__init__"),
    "subclasses": (b"\x80\x04\x8c\x08builtins\x8c\x15object.__subclasses__\x93)R.", "__subclasses__"),
    "reconstruct a dict": (
        b"ccopy_reg\n_reconstructor\n(coutput\nOutput\nc__builtin__\ndict\n(dtR.",
        "__builtin__.dict",
    ),
    "reconstruct an object": (
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
        "refused",
    ),
    "reconstruct with state": (
        b"ccopy_reg\n_reconstructor\n(coutput\nOutput\nc__builtin__\nobject\nI1\ntR.",
        "refused",
    ),
    "copyreg by extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "inst": (b"(ios\nsystem\n.", "INST"),
    "persistent": (b"Pid\n.", "PERSID"),
    "call of an output": (b"coutput\nOutput\n(S'x'\ntR.", "no pickled list"),
    "call of an object": (b"c__builtin__\nobject\n)R.", "object"),
    "memo bomb": (b"\x80\x02]r\xff\xff\xff\x7f.", "memo index"),
    "byte bomb": (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".", "BYTEARRAY8|no pickled list"),
    "long number": (b"I" + b"9" * 10_000 + b"\n.", "no pickled list"),
    "truncated": (b"(lp0\nccopy_reg\n", "no pickled list"),
    "empty": (b"", "no pickled list"),
    "noise": (bytes(range(256)), "refused|no pickled list"),
    "underflow": (b"R.", "no pickled list"),
    "no list": (pickle.dumps({"a": 1}, 2), "holds dict"),
    "list of numbers": (pickle.dumps([1, 2], 2), "lists int"),
    "list of the class": (b"(lcoutput\nOutput\na.", "lists type"),
    "list in itself": (b"]q\x00h\x00a.", "lists list"),
    "too long": (b"]" * (MAX_PICKLE_BYTES + 1), "longer than"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_other_pickles_are_refused(write, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data, words = ATTACKS[name]
    environment = dict(os.environ)
    with pytest.raises(DataError, match=words):
        read_original(write(attributes=data))
    assert not (tmp_path / "harm").exists()
    assert dict(os.environ) == environment


def test_no_pickle_outlives_its_reading(write):
    changed = b"coutput\nOutput\n(N(dS'dim'\nI3\nstb0(l."  # sets an attribute of the stand-in class
    with pytest.raises(DataError):
        read_original(write(attributes=changed + b"coutput\nOutput\n)R."))
    assert len(read_original(write())) == 4


@pytest.mark.parametrize(
    "state",
    [
        {"dim": 3},
        {"dim": 0, "type_": OutputType.DISCRETE},
        {"dim": 2**40, "type_": OutputType.DISCRETE},
        {"dim": True, "type_": OutputType.DISCRETE},
        {"dim": "3", "type_": OutputType.DISCRETE},
        {"dim": 3, "type_": "DISCRETE"},
        {"dim": 3, "type_": OutputType.DISCRETE, "normalization": "ZERO_ONE"},
    ],
)
def test_outputs_without_sense_are_refused(write, state):
    output = Output(None, None)
    output.__dict__ = state
    with pytest.raises(DataError, match="has an output"):
        read_original(write(attributes=[output]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attributes": [DISCRETE, CONTINUOUS]}, "data_attribute has 3 columns, but its outputs add up to 4"),
        ({"features": [DISCRETE]}, "data_feature has 4 columns"),
        ({"features": [DISCRETE, CONTINUOUS]}, "feature_0 is discrete, but not each of its rows is one-hot"),
        ({"data_gen_flag": None}, "lacks the array data_gen_flag"),
        ({"data_gen_flag": np.array([[1, 0, 1]] * 4)}, "ones followed by zeros"),
        ({"data_gen_flag": np.zeros((4, 3))}, "at least one"),
        ({"data_gen_flag": np.ones((4, 2))}, "don't fit together"),
        ({"data_attribute": np.ones(4)}, "2 dimensions"),
        ({"data_attribute": np.full((4, 3), "a")}, "numeric"),
        ({"data_attribute": np.full((4, 3), None)}, "no .npz file of plain arrays"),
        ({"data_feature_min": np.ones(3), "data_feature_max": np.ones(3)}, "3 and 3 entries for 1"),
    ],
)
def test_arrays_that_do_not_fit(write, changes, words):
    with pytest.raises(DataError, match=words):
        read_original(write(**changes))


def test_missing_and_damaged_files(write, tmp_path):
    with pytest.raises(FileNotFoundError, match="data_attribute_output"):
        read_original(tmp_path)
    folder = write()
    with pytest.raises(FileNotFoundError, match="other"):
        read_original(folder / "other.npz")
    (folder / "data_train.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match=r"is no \.npz file of plain arrays"):
        read_original(folder)


class Reduced:
    """Pickled as the given call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("discrete", "zero_one"),
    [
        (Reduced(OutputType, "DISCRETE"), Reduced(Normalization, "ZERO_ONE")),
        (Reduced(getattr, OutputType, "DISCRETE"), Reduced(getattr, Normalization, "ZERO_ONE")),
    ],
    ids=["by value", "by name"],
)
def test_enums_as_any_python_writes_them(write, discrete, zero_one):
    made = read_original(write(attributes=[Output(discrete, 3, zero_one)]))
    assert made.metadata["attribute_0"].tolist() == [0, 2, 2, 1]


@pytest.mark.parametrize("name", ["mro", "__init__", "_member_map_", "nothing"])
def test_getattr_gives_members_only(write, name):
    with pytest.raises(DataError, match="getattr asks for more than a member"):
        read_original(write(attributes=[Output(Reduced(getattr, OutputType, name), 3)]))


def test_stand_ins_leave_the_registry_alone(write):
    before = dict(copyreg.dispatch_table)
    read_original(write())
    assert copyreg.dispatch_table == before


def test_real_files_agree_with_their_long_table(real_data):
    made = read_original(real_data / "mba")
    frame = read_table(real_data / "mba/mba_train_long.csv.gz")
    table = Sequences.from_long(frame, sequence_key="home", sequence_index="time")
    traffic = table.measurements["traffic_byte_counter"].to_numpy(dtype=float)
    assert made.measurements["feature_0"].to_numpy() == pytest.approx(traffic, rel=1e-6)
    for column, name in (("attribute_0", "isp"), ("attribute_1", "technology"), ("attribute_2", "state")):
        codes = table.metadata[name].str.extract(r"(\d+)")[0].astype("int64")
        assert made.metadata[column].tolist() == codes.tolist()
