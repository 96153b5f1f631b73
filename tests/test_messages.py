"""Every error that is raised on purpose is reached by a call, says what came, and has a remedy that works."""

from __future__ import annotations

import ast
import traceback
import warnings
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import dgsynth
from dgsynth import (
    AutoregressiveSynthesizer,
    DGSynthesizer,
    Inequality,
    PrivacyConfig,
    Range,
    Schema,
    Sequences,
    Sum,
    stitch,
    windows,
)
from dgsynth.comparing import compare, new_model
from dgsynth.data import Column, read_table, write_table
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation import classify_metadata, evaluate, fidelity_table, forecast
from dgsynth.evaluation.columns import of_column
from dgsynth.oversampling import DGOverSampler
from dgsynth.tuning import tune

PACKAGE = Path(dgsynth.__file__).parent
ERRORS = ("DataError", "ValueError", "TypeError")
ROLES = {"sequence_key": "id", "sequence_index": "t"}

UNREACHED = Path(__file__).with_name("unreached_messages.txt")
"""What no call below reaches: a file and function a line, and how many of its errors. To be shortened, not to grow."""

# Each call by its name: what is done with `frame`, `schema` and others before, the call, and what its message names.
CALLS: dict[str, tuple[str, str, str]] = {
    # The studio
    "a port that is taken": (
        "from dgsynth.studio import server; taken = server._bound(None)",
        "server._bound(taken.getsockname()[1])",
        "port",
    ),
    # What is given
    "a path": ("", "Sequences.from_any('visits.csv')", "'visits.csv'"),
    "a dict": ("X = frame.to_dict('list')", "Sequences.from_any(X)", "dict"),
    "a list of dicts": ("X = frame.to_dict('records')", "Sequences.from_any(X)", "dict"),
    "a dict of frames": ("X = dict(list(frame.groupby('id')))", "Sequences.from_any(X)", "dict"),
    "groups": ("X = frame.groupby('id')", "Sequences.from_any(X, sequence_key='id')", "DataFrameGroupBy"),
    "a series": ("X = frame['x']", "Sequences.from_any(X)", "Series"),
    "records of numpy": ("X = frame[['id', 'x']].to_records(index=False)", "Sequences.from_any(X)", "recarray"),
    "nothing": ("", "Sequences.from_any(None)", "None"),
    "an iterator": ("", "Sequences.from_any(iter([1]))", "list_iterator"),
    "an Arrow array": ("", "Sequences.from_any(pa.array([1]))", "Array"),
    "no frame": ("", "Sequences.from_long(np.ones((2, 2)), sequence_key=0)", "(2, 2)"),
    "a list of frames": ("X = [frame, frame]", "Sequences.from_any(X, sequence_key='id')", "2 DataFrame"),
    "ragged lists": ("X = [[1.0, 2.0], [3.0]]", "Sequences.from_any(X)", "list of 2 list"),
    "one dimension": ("X = np.ones(3)", "Sequences.from_arrays(X)", "(3,)"),
    "two dimensions": ("X = np.ones((3, 2))", "Sequences.from_arrays(X)", "(3, 2)"),
    "four dimensions": ("X = np.ones((3, 2, 2, 2))", "Sequences.from_arrays(X)", "(3, 2, 2, 2)"),
    "no samples": ("", "Sequences.from_arrays(np.ones((0, 2, 1)))", "(0, 2, 1)"),
    "an empty list": ("", "Sequences.from_arrays([])", "empty"),
    "other widths": ("", "Sequences.from_arrays([np.ones((2, 1)), np.ones((2, 3))])", "(2, 3)"),
    "an empty sample": ("", "Sequences.from_arrays([np.ones((2, 1)), np.ones((0, 1))])", "sample 1"),
    "lengths of a list": ("", "Sequences.from_arrays([np.ones((2, 1))], lengths=[2])", "lengths"),
    "lengths of floats": ("", "Sequences.from_arrays(np.ones((2, 2, 1)), lengths=[1.0, 2.0])", "float64"),
    "lengths too long": ("", "Sequences.from_arrays(np.ones((2, 2, 1)), lengths=[1, 3])", "3"),
    "few names": ("", "Sequences.from_arrays(np.ones((2, 2, 2)), measurement_names=['x'])", "2 measurements"),
    "metadata of other samples": ("", "Sequences.from_arrays(np.ones((2, 2, 1)), metadata=np.ones((3, 1)))", "3 rows"),
    "metadata in a dict": ("", "Sequences.from_arrays(np.ones((2, 2, 1)), metadata={'a': [1, 2]})", "dict"),
    "complex arrays": ("", "Sequences.from_arrays(np.ones((2, 2, 1), dtype=complex))", "Complex"),
    "arrays of durations": ("", "Sequences.from_arrays(np.ones((2, 2, 1), dtype='m8[s]'))", "timedelta64[s]"),
    # Columns and roles
    "two rows of labels": (
        "frame.columns = pd.MultiIndex.from_product([['a'], frame.columns])",
        "Sequences.from_any(frame)",
        "MultiIndex",
    ),
    "a column twice": ("frame = pd.concat([frame, frame[['x']]], axis=1)", "Sequences.from_any(frame)", "'x'"),
    "no columns": ("", "Sequences.from_any(frame[[]])", "no columns"),
    "no rows": ("", "Sequences.from_any(frame[:0])", "no rows"),
    "labels of floats": ("frame.columns = [0.5, 1.5, 2.5, 3.5]", "Sequences.from_any(frame)", "0.5"),
    "key and time in the row index": ("frame = frame.set_index(['id', 't'])", "read(frame)", "'id'"),
    "two keys": ("frame['shop'] = 'a'; key = ['id', 'shop']", "read(frame, sequence_key=key)", "['id', 'shop']"),
    "no such key": ("", "read(frame, sequence_key='home')", "'home'"),
    "roles that are no list": ("", "read(frame, metadata=0.5)", "0.5"),
    "a role twice": ("", "read(frame, metadata=['kind', 'kind'])", "'kind'"),
    "two roles": ("", "read(frame, metadata=['kind'], measurements=['kind'])", "'kind'"),
    "categorical of the key": ("", "read(frame, categorical=['id'])", "'id'"),
    "missing keys": ("frame['id'] = frame['id'].where(frame.index > 1)", "read(frame)", "row 0"),
    "missing times": ("frame['t'] = frame['t'].where(frame.index > 1)", "read(frame)", "row 0"),
    "times twice": ("frame = pd.concat([frame, frame.iloc[[5]]], ignore_index=True)", "read(frame)", "rows 5 and 20"),
    "times as text": ("frame['t'] = frame['t'].astype(str)", "read(frame)", "'2024-01-01'"),
    "days first": (
        "frame['t'] = (frame['t'] + pd.Timedelta('20D')).dt.strftime('%d/%m/%Y')",
        "read(frame)",
        "pd.to_datetime(frame['t'], dayfirst=True)",
    ),
    "dates of Python": ("frame['t'] = frame['t'].dt.date", "read(frame)", "datetime.date(2024, 1, 1)"),
    "numbers as text": ("frame['t'] = frame['t'].dt.day.map('{},000'.format)", "read(frame)", "'1,000'"),
    "offsets": ("frame['t'] = frame['t'].dt.strftime('%Y-%m-%dT00:00:00+0%w:00')", "read(frame)", "utc=True"),
    "mixed zones": (
        "frame['t'] = pd.Series([t.tz_localize(['CET', 'EST'][t.day % 2]) for t in frame['t']], dtype=object)",
        "read(frame)",
        "dtype object",
    ),
    "metadata that vary": ("", "read(frame, metadata=['x'])", "0.0 and 1.0"),
    "an index without a key": ("", "Sequences.from_any(frame, sequence_index='t')", "'t'"),
    "a key and time columns": ("", "read(frame, time_columns=['x'])", "time_columns"),
    "names for arrays": ("", "Sequences.from_any(np.ones((2, 2, 1)), sequence_key='id')", "(2, 2, 1)"),
    "long without records": ("", "Sequences.from_table(frame).to_long()", "no records"),
    "wide without measurements": ("", "Sequences.from_table(frame).to_wide()", "no measurements"),
    # Values
    "durations": ("frame['x'] = frame['t'] - frame['t'].min()", "read(frame)", "timedelta64"),
    "periods": ("frame['x'] = frame['t'].dt.to_period('D')", "read(frame)", "period[D]"),
    "intervals": ("frame['x'] = pd.cut(frame['x'], 3).astype('interval')", "read(frame)", "interval"),
    "sparse": ("frame['x'] = frame['x'].astype(pd.SparseDtype(float))", "read(frame)", "Sparse"),
    "infinite": ("frame['x'] = frame['x'].where(frame['x'] > 1, -np.inf)", "read(frame)", "2 infinite"),
    "nested": ("frame['x'] = [[i] for i in range(20)]", "read(frame)", "list"),
    "decimals": ("frame['x'] = [Decimal(i) / 4 for i in range(20)]", "read(frame)", "Decimal('0')"),
    "objects": ("frame['x'] = [object] * 20", "read(frame)", "class 'object'"),
    "far past": (
        "frame['x'] = frame['t'].astype('datetime64[s]').where(frame.index > 0, pd.Timestamp('1066-10-14'))",
        "read(frame)",
        "1066-10-14",
    ),
    # Wide tables
    "no time columns": ("", "Sequences.from_wide(wide, time_columns=[])", "time_columns"),
    "time columns of other lengths": ("", "Sequences.from_wide(wide, time_columns={'a': [0], 'b': [1, 2]})", "'b'"),
    "time columns of other dtypes": (
        "frame = wide.assign(**{'b': list('xyz')})",
        "Sequences.from_wide(frame, time_columns=[0, 'b'])",
        "float64",
    ),
    "time columns of other orders": (
        "frame = wide.astype({t: pd.CategoricalDtype([0.0, 1.0, 2.0][:: 1 - 2 * t], ordered=True) for t in (0, 1)})",
        "Sequences.from_wide(frame, time_columns=[0, 1])",
        "0 to 1",
    ),
    "measurements of another schema": (
        "schema = Sequences.from_wide(wide, time_columns={'a': [0, 1]}).schema",
        "Sequences.from_wide(wide, time_columns={'b': [0, 1]}, schema=schema)",
        "['b']",
    ),
    "a table for a schema of series": ("", "Sequences.from_table(frame, schema=schema)", "'x'"),
    "more records than time columns": (
        "made = Sequences.from_wide(wide, time_columns=[0, 1, 2]); form = made.schema.form",
        "replace(made, schema=replace(made.schema, form=replace(form, time_columns=(('value', (0, 1)),)))).to_wide()",
        "3 records",
    ),
    # What a schema binds
    "other columns than the schema": ("", "read(frame, metadata=['x'], schema=schema)", "['x']"),
    "longer than the schema": ("schema = schema.with_lengths(1, 3)", "read(frame, schema=schema)", "5 records"),
    "shorter than the schema": ("frame = frame[1:]", "read(frame, schema=schema)", "4 records"),
    "missing": ("frame['x'] = frame['x'].where(frame.index > 1)", "read(frame, schema=schema)", "row 0"),
    "missing integers": (
        "schema = read(frame.astype({'x': 'uint8'})).schema; frame['x'] = frame['x'].where(frame['x'] > 1)",
        "read(frame, schema=schema)",
        "row 0",
    ),
    "text for numbers": ("frame['x'] = frame['x'].map('{:.1f}'.format)", "read(frame, schema=schema)", "'0.0'"),
    "a zone": ("frame['d'] = frame['t'].dt.tz_localize('CET')", "read(frame, schema=read(with_days).schema)", "CET"),
    "no zone": (
        "schema = read(with_days.assign(d=with_days['d'].dt.tz_localize('CET'))).schema; frame = with_days",
        "read(frame, schema=schema)",
        "CET",
    ),
    "an unknown category": ("frame['kind'] = 'c'", "read(frame, schema=schema)", "'c'"),
    "out of range": ("frame['x'] += 5.5", "read(frame, schema=schema)", "19.5"),
    "dates out of range": (
        "frame = with_days; schema = read(frame).schema; frame['d'] += pd.Timedelta('9D')",
        "read(frame, schema=schema)",
        "2024-01-10",
    ),
    "fractions": (
        "schema = read(frame.astype({'x': int})).schema; frame['x'] += 0.5",
        "read(frame, schema=schema)",
        "0.5",
    ),
    "fractions of an index": (
        "frame['t'] = frame.index; schema = read(frame).schema; frame['t'] = frame['t'] + 0.5",
        "read(frame, schema=schema)",
        "0.5",
    ),
    "always missing": (
        "schema = read(frame.assign(x=np.nan), measurements=['x']).schema",
        "read(frame, schema=schema)",
        "0.0",
    ),
    "samples of other columns": ("", "Sequences.from_any(read(frame[['id', 't', 'x']]), schema=schema)", "['kind']"),
    "samples without times": (
        "",
        "Sequences.from_any(Sequences.from_any(frame.drop(columns='t'), sequence_key='id'), schema=schema)",
        "timestamps",
    ),
    "nothing to join": ("", "Sequences.concat([])", "nothing"),
    "parts of other columns": ("", "Sequences.concat([read(frame), read(frame.astype({'x': int}))])", "['x']"),
    "parts of other sizes": ("", "replace(read(frame), lengths=[5])", "4 rows"),
    "parts of other names": ("", "replace(read(frame), metadata=pd.DataFrame({'a': range(4)}))", "['a']"),
    # Schemas and columns
    "no column": ("", "Schema((), ())", "none"),
    "no Column": ("", "Schema(('x',), ())", "'x'"),
    "a name twice": ("", "Schema((schema.column('x'),), (schema.column('x'),))", "'x'"),
    "an index of text": ("", "Schema((), (schema.column('x'),), sequence_index=schema.column('kind'))", "'kind'"),
    "lengths the wrong way": ("", "schema.with_lengths(3, 2)", "min_length=3"),
    "no such column": ("", "schema.column('y')", "'y'"),
    "no such attribute": ("", "schema.with_column('x', color='red')", "'color'"),
    "no JSON": ("", "Schema.from_json('{')", "JSON"),
    "no such kind": ("", "Column('x', 'number', 'int64')", "'number'"),
    "a dtype of another kind": ("", "Column('x', 'integer', 'object')", "'object'"),
    "no such zone": ("", "Column('x', 'datetime', 'datetime64[ns, Mars/Olympus]')", "Mars/Olympus"),
    "no truth": ("", "Column('x', 'integer', 'int64', nullable='no')", "'no'"),
    "no room for missing": ("", "Column('x', 'integer', 'uint8', nullable=True)", "uint8"),
    "one end": ("", "Column('x', 'integer', 'int64', minimum=1)", "one end"),
    "ends the wrong way": ("", "Column('x', 'integer', 'int64', minimum=2, maximum=1)", "minimum 2"),
    "a range of categories": ("", "Column('x', 'categorical', 'object', minimum=1, maximum=2)", "range"),
    "categories of text": ("", "Column('x', 'categorical', 'object', categories='ab')", "'ab'"),
    "a category twice": ("", "Column('x', 'categorical', 'object', categories=('a', 'a'))", "more than once"),
    "categories of truth": ("", "Column('x', 'boolean', 'bool', categories=(1, 2))", "(1, 2)"),
    "categories of numbers": ("", "Column('x', 'integer', 'int64', categories=(1, 2))", "integer"),
    "an endless end": ("", "Column('x', 'integer', 'int64', minimum=1, maximum=np.inf)", "inf"),
    "half an end": ("", "Column('x', 'integer', 'int64', minimum=1, maximum=1.5)", "1.5"),
    "a large end": ("", "Column('x', 'integer', 'int64', minimum=1, maximum=2**70)", str(2**70)),
    "a column of other entries": ("", "Column.from_dict({'name': 'x'})", "['name']"),
    # Windows
    "windows too long": ("", "windows(frame, 6, **ROLES)", "length is 6"),
    "windows of nothing": ("", "windows(frame, 0)", "0"),
    "windows of windows": ("frame['window'] = 1", "windows(frame, 3, **ROLES)", "'window'"),
    "windows with times twice": ("", "windows(frame, 3, sequence_index='t')", "2024-01-01"),
    "stitch for a length": ("", "stitch(frame, length=9)", "length"),
    "stitch no windows": ("", "stitch(frame)", "'window'"),
    "stitch by too long steps": ("", "stitch(windows(frame, 3, **ROLES), 3, **ROLES)", "steps of 3"),
    "stitch what does not follow": ("", "stitch(windows(frame, 3, **ROLES))", "window 3"),
    "stitch samples of a GAN": ("", "stitch(gan.sample(3), model=gan, length=20)", "DGSynthesizer"),
    "stitch samples of a table": ("", "stitch(frame, model=rows, length=20)", "sequence_key='window'"),
    # Files
    "no such suffix": ("", "read_table('visits.xls')", "visits.xls"),
    "an empty file": ("path = folder / 'a.csv'; path.write_text('')", "read_table(path)", "a.csv"),
    "no rows in a file": ("path = folder / 'b.csv'; path.write_text('a,b\\n')", "read_table(path)", "b.csv"),
    "no such column in a file": (
        "path = folder / 'c.csv'; path.write_text('a,b\\n1,2\\n')",
        "read_table(path, columns=['x'])",
        "'x'",
    ),
    "a broken file": ("path = folder / 'd.parquet'; path.write_text('a,b')", "read_table(path)", "d.parquet"),
    "a table of anything": ("", "write_table(pd.DataFrame({'x': [1, 'a']}), folder / 'e.parquet')", "e.parquet"),
    "no task at all": ("", "make_web_traffic(0)", "0"),
    # Models
    "no such device": ("", "DGSynthesizer(max_steps=2, device='abacus').fit(np.ones((4, 2)))", "'abacus'"),
    "layers of nothing": ("", "DGSynthesizer(max_steps=2, metadata_units=(0,)).fit(np.ones((4, 2)))", "(0,)"),
    "no samples asked": ("", "gan.sample(0)", "0"),
    "lengths of nothing": ("", "gan.sample(2, lengths=[0, 3])", "[0, 3]"),
    "unknown metadata": ("", "gan.sample(2, metadata={'size': 3})", "'size'"),
    "empty metadata": ("", "gan.sample(2, metadata={})", "empty"),
    "rows of metadata": ("", "gan.sample(5, metadata={'kind': ['a', 'b']})", "2 rows"),
    "an unknown value of metadata": ("", "gan.sample(2, metadata={'kind': 'c'})", "'c'"),
    "a model in another file": ("", "gan.save(folder / 'gan.pkl')", "gan.pkl"),
    "samples in another file": ("", "gan.sample_to(folder / 'gan.xls', 2)", "gan.xls"),
    "an unknown format": ("", "gan.sample_to(folder / 'gan.csv', 2, format='xls')", "'xls'"),
    "arrays in a file": ("", "arrays.sample_to(folder / 'arrays.csv', 2)", "arrays"),
    "extend a table": ("", "rows.extend(frame)", "without records"),
    "extend to less": ("", "series.extend(frame, lengths=2)", "2"),
    "no temperature": ("", "series.sample(2, temperature=0)", "0"),
    "probabilities of nothing": ("", "series.predict_proba(frame, 'size')", "'size'"),
    "an unknown scaling": ("", "DGSynthesizer(max_steps=2, scaling={'y': 'log'}).fit(frame)", "'y'"),
    "privacy of nothing": ("", "PrivacyConfig()", "None"),
    "privacy of zero": ("", "PrivacyConfig(epsilon=0)", "0"),
    "a scaling of anything": ("", "DGSynthesizer(max_steps=2, scaling={'x': 'root'}).fit(frame)", "'root'"),
    "a logarithm of nothing": ("frame['x'] -= 9", "DGSynthesizer(max_steps=2, scaling='log').fit(frame)", "-9"),
    "a generator of nothing": (
        "",
        "DGSynthesizer(max_steps=2, metadata_generator='autoregressive').fit(frame)",
        "metadata_generator",
    ),
    "an endless range": ("", "DGSynthesizer(max_steps=2, feature_range=(0, 2)).fit(frame)", "(0, 2)"),
    "privacy for none": ("", "PrivacyConfig(epsilon=1, n_samples=0)", "0"),
    "a delta above one": ("", "PrivacyConfig(epsilon=1, delta=2)", "2"),
    "a delta too large": ("", "PrivacyConfig(epsilon=1, delta=0.5, n_samples=10)", "0.5"),
    "all for the schema": ("", "PrivacyConfig(epsilon=1, schema_epsilon=1)", "schema_epsilon=1"),
    "noise of no kind": ("", "PrivacyConfig(epsilon=1, noise='white')", "'white'"),
    "a target of unknown columns": ("", "gan.refit_metadata({'size': 'uniform'})", "'size'"),
    "a target of no kind": ("", "gan.refit_metadata(3)", "int"),
    "a target of words": ("", "gan.refit_metadata({'kind': 'even'})", "'even'"),
    "weights of unknown values": ("", "gan.refit_metadata({'kind': {'c': 1}})", "'c'"),
    "weights of nothing": ("", "gan.refit_metadata({'kind': {'a': 0}})", "0.0"),
    "weights of words": ("", "gan.refit_metadata({'kind': {'a': 'much'}})", "'much'"),
    "weights of other rows": ("", "gan.refit_metadata(lambda pool: [1, 2])", "(2,)"),
    "metadata of none": ("", "arrays.refit_metadata({'kind': 'uniform'})", "no metadata"),
    "extend beyond the end": (
        "frame = frame[:10].assign(id=0, t=pd.date_range('2024', periods=10), kind='a')",
        "series.extend(frame)",
        "5",
    ),
    "a partial fit for a budget": (
        "",
        "DGSynthesizer(privacy=PrivacyConfig(epsilon=1, n_samples=9)).partial_fit(frame)",
        "epsilon",
    ),
    "autoregressive privacy": (
        "",
        "AutoregressiveSynthesizer(privacy=PrivacyConfig(epsilon=1, n_samples=9)).fit(frame)",
        "AutoregressiveSynthesizer",
    ),
    "a model of no name": ("", "new_model('tree')", "'tree'"),
    "tuning of nothing": ("", "tune(gan, frame, sample_len=[0])", "[0]"),
    "tuning by too few": ("", "tune(gan, frame[:10])", "2 samples"),
    "comparing models that read differently": (
        "",
        "compare({'gan': gan, 'pages': gan.__class__(sequence_key='page')}, frame)",
        "sequence_key is 'id' for gan, 'page' for pages",
    ),
    "comparing by too few": ("", "compare({'gan': gan}, frame[:10], **ROLES)", "2 samples"),
    # What is asked of samples
    "metadata of anything": ("", "gan.sample(2, metadata='kind')", "str"),
    "metadata of uneven columns": ("", "gan.sample(metadata={'kind': ['a', 'b'], 'id': [1, 2, 3]})", "2 values"),
    "metadata twice": ("X = pd.concat([frame[['kind']]] * 2, axis=1)", "gan.sample(2, metadata=X)", "'kind'"),
    "metadata of lists": ("", "gan.sample(2, metadata={'kind': [['a'], ['b']]})", "['a']"),
    "missing metadata": ("", "gan.sample(2, metadata={'kind': None})", "'kind'"),
    "a key twice": ("", "gan.sample(metadata={'id': [5, 5]})", "5"),
    "a missing key": ("", "gan.sample(metadata={'id': [5, None]})", "'id'"),
    "half a key": ("", "gan.sample(metadata={'id': [5, 6.5]})", "6.5"),
    "one key of two": ("", "gan.sample(2, metadata={'id': 5})", "one row for 2 samples"),
    "a start twice": ("", "gan.sample(start='2030-01-01', metadata={'t': '2030-01-01'})", "'t'"),
    "starts of others": ("", "gan.sample(2, start=['2030-01-01'] * 3)", "3 values"),
    "a start of anything": ("", "gan.sample(start='then')", "'then'"),
    "a start of two days": ("", "gan.sample(start='05/06/2024')", "'05/06/2024'"),
    "a start with a zone": ("", "gan.sample(start='2030-01-01T00:00Z')", "2030-01-01"),
    "a start without an index": ("", "rows.sample(start=5)", "start"),
    "a step without an index": ("", "rows.sample(step=5)", "step"),
    "a step of anything": ("", "gan.sample(step='often')", "'often'"),
    "no number of samples": ("", "next(gan.iter_samples())", "None"),
    # Reading files
    "a separator of two": ("", "read_table(csv('a,b\\n1,2'), separator=';;')", "';;'"),
    "a decimal mark": ("", "read_table(csv('a,b\\n1,2'), decimal='x')", "'x'"),
    "a missing text": ("", "read_table(csv('a,b\\n1,2'), missing='NA')", "'NA'"),
    "a format without parts": ("", "read_table(csv('a,b\\n1,2'), date_format='ymd')", "'ymd'"),
    "an unknown encoding": ("", "read_table(csv('a,b\\n1,2'), encoding='latin-99')", "'latin-99'"),
    "an unknown kind": ("", "read_table(csv('a,b\\n1,2'), dtypes={'a': 'zip'})", "'zip'"),
    "a kind of no column": ("", "read_table(csv('a,b\\n1,2'), dtypes={'c': 'text'})", "'c'"),
    "columns a file lacks": ("", "read_table(csv('a,b\\n1,2'), columns=['c'])", "'c'"),
    "dates that are none": ("", "read_table(csv('a,b\\nthen,2'), dtypes={'a': 'date'})", "'then'"),
    "rows of other widths": ("", "read_table(csv('a,b\\n1,2\\n3,4,5'))", "Expected 2"),
    "zero bytes": ("", "read_table(csv('a,b\\n1,\\0'))", "zero bytes"),
    # Constraints
    "no constraint": ("", "DGSynthesizer(**ROLES, constraints=[5]).fit(frame)", "5"),
    "a constraint on no column": ("", "DGSynthesizer(**ROLES, constraints=['x <= y']).fit(frame)", "'y'"),
    "a constraint that is broken": ("", "DGSynthesizer(**ROLES, constraints=['0 <= x <= 3']).fit(frame)", "20"),
    "a range without ends": ("", "Range('x', None, None)", "'x'"),
    "a range to text": ("", "Range('x', [1], None)", "[1]"),
    "a column beside itself": ("", "Inequality('x', 'x')", "'x'"),
    "strictness of text": ("", "Inequality('x', 'y', strict='no')", "'no'"),
    "no list of parts": ("", "Sum('x', 5)", "5"),
    # Evaluation
    "a score without a column": ("", "gan.score(frame.drop(columns='x'))", "'x'"),
    "a metric of unknown columns": ("", "of_column(read(frame), 'y')", "'y'"),
    "a prediction of numbers": ("", "classify_metadata(read(frame), read(frame), 'x')", "'x'"),
    "a prediction from nothing": (
        "rows = Sequences.from_table(frame[['kind']])",
        "classify_metadata(rows, rows, 'kind')",
        "'kind'",
    ),
    "a forecast of classes": ("", "forecast(read(frame), read(frame), 'kind')", "'kind'"),
    "a forecast too far": ("", "forecast(read(frame), read(frame), 'x', horizon=9)", "9"),
    "no repetition": ("", "forecast(read(frame), read(frame), 'x', n_repeats=0)", "0"),
    "samples of text": ("", "fidelity_table(frame, frame.assign(x=frame['t']), **ROLES)", "'x'"),
    # Pictures
    "a picture that is not there": (
        "rows = read(frame); report = evaluate(rows, rows, costly=False)",
        "report.plot('rhythm')",
        "'rhythm'",
    ),
    "a picture of keys": ("", "gan.plot_samples(frame, columns=['id'])", "'id'"),
    "no losses": (
        "gan.save(folder / 'm.safetensors', generator_only=True); model = dgsynth.load(folder / 'm.safetensors')",
        "model.plot_history()",
        "generator_only",
    ),
    # Rare classes
    "classes of other samples": ("", "sampler.fit_resample(np.ones((4, 2)), [0, 1])", "(2,)"),
    "missing classes": ("", "sampler.fit_resample(np.ones((3, 2)), pd.Series(['a', 'b', None]))", "sample 2"),
    "mixed classes": ("y = ['a', 1, 1]", "sampler.fit_resample(np.ones((3, 2)), y)", "text and numbers"),
    "unknown classes": ("", "over(sampling_strategy={5: 9}).fit_resample(np.ones((3, 2)), [0, 1, 1])", "5"),
    "fewer of a class": ("", "over(sampling_strategy={1: 1}).fit_resample(np.ones((3, 2)), [0, 1, 1])", "1 samples"),
    "no strategy": ("", "over(sampling_strategy='some').fit_resample(np.ones((3, 2)), [0, 1, 1])", "'some'"),
    "classes of records": (
        "sampler = over(DGSynthesizer(**ROLES))",
        "sampler.fit_resample(frame, frame['kind'])",
        "long table",
    ),
    "a column that is not learned": (
        "sampler = over(DGSynthesizer(metadata=['x'], max_steps=2))",
        "sampler.fit_resample(frame[['x', 'id']], frame['kind'])",
        "'id'",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    GLOBALS["folder"] = tmp_path_factory.mktemp("messages")


def read(frame, **keywords):
    return Sequences.from_any(frame, **{**ROLES, **keywords})


def table():
    """Return four samples of five records."""
    n = np.arange(20)
    days = pd.date_range("2024-01-01", periods=5)
    frame = pd.DataFrame({"id": n // 5, "t": days[n % 5], "kind": np.array(["a", "b"])[n // 5 % 2], "x": n * 1.0})
    return frame


class Space(dict):
    """The names that a call uses; models are fitted when they are asked for."""

    def __missing__(self, name):
        if name in MODELS:
            return fitted(name)
        raise KeyError(name)


MODELS = {
    "gan": lambda: DGSynthesizer(**ROLES, max_steps=2, random_state=0).fit(table()),
    "arrays": lambda: DGSynthesizer(max_steps=2, random_state=0).fit(np.random.default_rng(0).random((8, 3, 1))),
    "rows": lambda: AutoregressiveSynthesizer(max_steps=2, random_state=0).fit(table()[["kind", "x"]]),
    "series": lambda: AutoregressiveSynthesizer(**ROLES, max_steps=2, random_state=0).fit(table()),
}


@cache
def fitted(name):
    return MODELS[name]()


def csv(text):
    """Return a file with such text."""
    path = GLOBALS["folder"] / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def over(*arguments, **keywords):
    return DGOverSampler(*arguments, random_state=0, **keywords)


def space():
    frame = table()
    wide = pd.DataFrame({0: [0.0, 1.0, 2.0], 1: [1.0, 2.0, 0.0], 2: [2.0, 0.0, 1.0], "kind": ["a", "b", "a"]})
    with_days = frame.assign(d=frame["t"])
    return Space(
        frame=frame, wide=wide, with_days=with_days, schema=read(frame).schema, sampler=over(DGSynthesizer(max_steps=2))
    )


@cache
def outcome(name):
    """Return the names of a call, what it raised, and the place of that."""
    before, call, _ = CALLS[name]
    names = space()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(before, GLOBALS, names)
        try:
            eval(call, GLOBALS, names)
        except (ValueError, TypeError) as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            return names, str(error), (Path(last.filename), last.lineno)
    pytest.fail(f"{call} raises nothing")


GLOBALS = {
    "AutoregressiveSynthesizer": AutoregressiveSynthesizer,
    "Column": Column,
    "DGSynthesizer": DGSynthesizer,
    "Decimal": Decimal,
    "PrivacyConfig": PrivacyConfig,
    "ROLES": ROLES,
    "Schema": Schema,
    "Sequences": Sequences,
    "Inequality": Inequality,
    "Range": Range,
    "Sum": Sum,
    "classify_metadata": classify_metadata,
    "compare": compare,
    "csv": csv,
    "dgsynth": dgsynth,
    "evaluate": evaluate,
    "fidelity_table": fidelity_table,
    "forecast": forecast,
    "make_web_traffic": make_web_traffic,
    "new_model": new_model,
    "np": np,
    "of_column": of_column,
    "over": over,
    "pa": pa,
    "pd": pd,
    "read": read,
    "read_table": read_table,
    "replace": replace,
    "stitch": stitch,
    "tune": tune,
    "windows": windows,
    "write_table": write_table,
}
"""What calls may use, beside the names of `space`."""


@pytest.mark.parametrize("name", CALLS)
def test_message_says_what_came_and_what_to_do(name):
    _, message, _ = outcome(name)
    assert CALLS[name][2] in message
    assert "\n" not in message and len(message) < 500
    assert not any(word in message for word in ("np.int", "np.float", "np.str", "np.bool", "Timestamp(", "_typed"))
    assert "; " in message or ": " in message, message
    assert message == message.strip()


AFTERWARDS = {
    "two keys": "read(frame, sequence_key='id_shop')",
}
"""What is called once what the message tells is typed, where that is not the same call."""


def statement(message):
    """Return the longest statement that a message tells to type, None where it tells none."""
    best = None
    for begin in (" with ", " otherwise, with ", " instance with "):
        text = message.partition(begin)[2]
        for end in range(len(text), 0, -1):
            part = text[:end].rstrip(" ,;")
            try:
                found = ast.parse(part).body
            except SyntaxError:
                continue
            if found and all(map(_assigns, found)) and text[end : end + 1] in ("", ",", ";"):
                best = max(best or "", part, key=len)
                break
    return best


def _assigns(node):
    """Whether a statement changes the table, or what is said of it."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith(("frame", "schema", "columns"))


TYPED = [name for name in CALLS if "frame" in CALLS[name][1] or "wide" in CALLS[name][1]]


@pytest.mark.parametrize("name", TYPED)
def test_what_a_message_tells_to_type_works(name):
    names, message, _ = outcome(name)
    names = Space(names)
    typed = statement(message)
    if typed is None:
        pytest.skip("there is nothing to type")
    exec(typed, GLOBALS, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eval(AFTERWARDS.get(name, CALLS[name][1]), GLOBALS, names)


def raises():
    """Yield the places of all errors that are raised on purpose: the function, the file, the first and last line."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield from _raises(ast.parse(file.read_text(encoding="utf-8")), file, "")


def _raises(tree, file, function):
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in ERRORS:
            yield f"{file.relative_to(PACKAGE).as_posix()}:{function}", file, node.lineno, node.end_lineno
        yield from _raises(node, file, inside)


def test_every_error_is_reached_by_a_call():
    places = [outcome(name)[2] for name in CALLS]
    unreached = Counter(
        function
        for function, file, first, last in raises()
        if not any(file == other and first <= line <= last for other, line in places)
    )
    listed = dict(line.rsplit(" ", 1) for line in UNREACHED.read_text(encoding="utf-8").splitlines() if line)
    allowed = Counter({function: int(count) for function, count in listed.items()})
    assert not unreached - allowed, "give CALLS a call that reaches it"
    assert not allowed - unreached, f"take it off {UNREACHED.name}"
