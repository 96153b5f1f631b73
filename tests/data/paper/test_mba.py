"""Homes are read from files of the form of the FCC's curr_netusage.csv and curr_udplatency.csv."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.paper import read_mba
from dgsynth.errors import DataError

HOURS = pd.date_range("2017-10-01", periods=336, freq="h")
PROFILES = (
    "Unit ID,ISP,Technology,State,Download\n"
    "1,Comcast,CABLE,PA,100\n2,AT&T,DSL,CA,6\n3,Verizon,FIBER,NY,75\n1,Comcast,CABLE,PA,100\n"
)


def usage_of(unit, hours, **columns):
    defaults = {"wan_rx_bytes": 1000, "wan_tx_bytes": 200, "sk_rx_bytes": 150, "sk_tx_bytes": 50, "location_id": 7}
    return pd.DataFrame({"unit_id": unit, "dtime": hours, **(defaults | columns)})


def latency_of(unit, hours, target, failures, successes=1000):
    rtt = {name: 12345 for name in ("rtt_avg", "rtt_min", "rtt_max", "rtt_std")}
    counts = {"successes": successes, "failures": failures, "location_id": 7}
    return pd.DataFrame({"unit_id": unit, "dtime": hours, "target": target, **rtt, **counts})


@pytest.fixture
def files(tmp_path):
    """Function: the three files of the given tables."""

    def write(usage, latency, profiles=PROFILES):
        pd.concat(usage).to_csv(tmp_path / "curr_netusage.csv", index=False)
        pd.concat(latency).to_csv(tmp_path / "curr_udplatency.csv", index=False)
        (tmp_path / "unit-profile.csv").write_text(profiles)
        return tmp_path / "curr_netusage.csv", tmp_path / "curr_udplatency.csv", tmp_path / "unit-profile.csv"

    return write


def test_six_hours_are_the_mean_of_those_that_were_measured(files):
    traffic = np.arange(336) * 10.0 + 150
    one_in_six = HOURS[::6]
    paths = files(
        [usage_of(1, HOURS, wan_rx_bytes=traffic, sk_tx_bytes=200), usage_of(2, one_in_six)],
        [
            latency_of(1, HOURS, "samknows1.level3.net", 100),
            latency_of(1, HOURS, "samknows2.level3.net", np.arange(336) % 6),
            latency_of(2, one_in_six, "samknows1.level3.net", 250, 750),
        ],
    )
    homes = read_mba(*paths, progress=None)
    assert homes.metadata.to_numpy().tolist() == [["CABLE", "Comcast", "PA"], ["DSL", "AT&T", "CA"]]
    assert homes.lengths.tolist() == [56, 56]
    first, second = (homes.take([i]).measurements for i in range(2))
    np.testing.assert_allclose(first["traffic_byte_counter"], (np.arange(336) * 10.0).reshape(56, 6).mean(axis=1))
    losses = np.array([k / (1000 + k) for k in range(6)])  # the better server's
    np.testing.assert_allclose(first["ping_loss_rate"], losses.mean())
    np.testing.assert_allclose(second["traffic_byte_counter"], 1000)
    np.testing.assert_allclose(second["ping_loss_rate"], 0.25)
    assert homes.timestamps.iloc[[0, 55]].tolist() == [pd.Timestamp("2017-10-01"), pd.Timestamp("2017-10-14 18:00")]


def test_the_filters_are_counted_and_pieces_make_no_difference(files, monkeypatch, capsys):
    whole, gap, late = HOURS, HOURS.delete(range(12, 18)), HOURS + pd.Timedelta(days=14)
    paths = files(
        [usage_of(unit, hours) for unit, hours in ((1, whole), (2, gap), (3, whole), (4, whole), (5, late))],
        [latency_of(unit, hours, "x", 1) for unit, hours in ((1, whole), (2, whole), (3, gap), (4, whole), (5, late))],
    )
    homes = read_mba(*paths)
    assert capsys.readouterr().out.splitlines() == [
        "2 (50.00%) homes without a value in some period, left out",
        "1 (25.00%) homes that no profile names, left out",
        "1 of 1 valid homes kept",
    ]
    monkeypatch.setattr("dgsynth.data.paper.mba._ROWS", 50)  # ends within homes, and within periods of 6 hours
    by_pieces = read_mba(*paths, progress=None)
    assert by_pieces.keys.tolist() == homes.keys.tolist() == [1]
    pd.testing.assert_frame_equal(by_pieces.measurements, homes.measurements)


def test_hours_with_a_counter_that_was_reset_or_without_pings_do_not_count(files):
    sent = np.where(np.arange(336) % 6 == 0, 10, 200)  # less than the tests alone sent
    successes = np.where(np.arange(336) % 6 == 1, 0, 1000)
    paths = files(
        [usage_of(1, HOURS, wan_tx_bytes=sent)], [latency_of(1, HOURS, "x", np.where(successes, 10, 0), successes)]
    )
    homes = read_mba(*paths, progress=None)
    np.testing.assert_allclose(homes.measurements["traffic_byte_counter"], 1000)
    np.testing.assert_allclose(homes.measurements["ping_loss_rate"], 10 / 1010)


def test_months_in_several_files_of_a_folder_are_read_together(files, tmp_path):
    usage, latency, profiles = files([usage_of(1, HOURS[:100])], [latency_of(1, HOURS, "x", 1)])
    usage_of(1, HOURS[100:]).to_csv(tmp_path / "curr_netusage_2017_11.csv", index=False)
    assert len(read_mba(tmp_path, latency, profiles, progress=None)) == 1
    assert len(read_mba([usage, tmp_path / "curr_netusage_2017_11.csv"], latency, profiles, progress=None)) == 1


def test_so_many_homes_are_drawn(files):
    units = range(1, 31)
    profiles = "Unit ID,ISP,Technology,State\n" + "".join(f"{unit},A,B,C\n" for unit in units)
    paths = files(
        [usage_of(u, HOURS[::6]) for u in units], [latency_of(u, HOURS[::6], "x", 1) for u in units], profiles
    )
    keys = [read_mba(*paths, n_homes=10, random_state=seed, progress=None).keys.tolist() for seed in (0, 0, 1)]
    assert len(keys[0]) == 10
    assert keys[0] == keys[1] != keys[2]


def test_what_can_not_be_read_is_named(files, tmp_path):
    usage, latency, profiles = files([usage_of(1, HOURS[:5])], [latency_of(1, HOURS, "x", 1)])
    with pytest.raises(DataError, match="no home has values in all 56 periods from 2017-10-01 on"):
        read_mba(usage, latency, profiles, progress=None)
    with pytest.raises(DataError, match=r"curr_udplatency\.csv lacks the column 'wan_rx_bytes'"):
        read_mba(latency, latency, profiles, progress=None)
    with pytest.raises(DataError, match=r"lacks the column 'technology'"):
        read_mba(usage, latency, usage, progress=None)
    with pytest.raises(FileNotFoundError, match="the FCC's page"):
        read_mba(tmp_path / "no.csv", latency, profiles, progress=None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no file curr_netusage\*\.csv\* in "):
        read_mba(tmp_path / "empty", latency, profiles, progress=None)
