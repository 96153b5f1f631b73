"""The scale of samples' ranges."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.encoder import Encoder, EncoderOptions
from dgsynth.transforms.ranges import RangeScale
from dgsynth.transforms.state import encoder_from_dict, encoder_to_dict


def calm_and_wild(n=200):
    """Return samples most of which vary by a thousandth of what some do."""
    rng = np.random.default_rng(0)
    widths = np.where(np.arange(n) % 10 == 0, 1.0, 0.001 * rng.random(n))
    return Sequences.from_arrays(rng.random((n, 1, 1)) + widths[:, None, None] * rng.random((n, 8, 1)))


def test_narrow_ranges_are_told_apart():
    half_width = np.append(np.geomspace(1e-4, 1e-2, 500), [0.5, 0.4])
    scale = RangeScale.fit(np.full(502, 0.3), half_width, (0, 1))
    middle, levels = scale.scale(np.full(502, 0.3), half_width)
    assert np.ptp(levels[:500]) > 0.4 and np.ptp(half_width[:500]) < 0.02
    np.testing.assert_allclose(scale.unscale(middle, levels)[1], half_width, rtol=1e-9)


def test_no_sample_with_a_range_has_no_scale():
    assert RangeScale.fit(np.array([np.nan]), np.array([np.nan]), (0, 1)) is None


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
def test_samples_come_back_with_the_ranges_they_had(feature_range):
    data = calm_and_wild()
    encoder = Encoder.fit(data, EncoderOptions(feature_range=feature_range))
    assert encoder.range_scales[0] is not None
    made = encoder.decode(encoder.encode(data))
    spans = [part.measurements[0].to_numpy().reshape(200, 8) for part in (data, made)]
    np.testing.assert_allclose(np.ptp(spans[1], axis=1), np.ptp(spans[0], axis=1), rtol=0.02, atol=1e-6)


def test_ranges_stay_as_they_are_where_the_scaling_is_given():
    assert Encoder.fit(calm_and_wild(), EncoderOptions(scaling="linear")).range_scales == ()
    two = Sequences.from_table(pd.DataFrame({"a": [1.0, 2.0]}))
    assert Encoder.fit(two, EncoderOptions()).range_scales == ()


def test_they_are_kept_as_plain_values():
    encoder = Encoder.fit(calm_and_wild(), EncoderOptions())
    plain = encoder_to_dict(encoder)
    assert encoder_from_dict(plain) == encoder
    with pytest.raises(DataError, match="2 scales of ranges are described for 1 measurements"):
        encoder_from_dict({**plain, "range_scales": plain["range_scales"] * 2})
