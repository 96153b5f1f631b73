from __future__ import annotations

import pandas as pd
import pytest

from dgsynth.data import write_table
from dgsynth.errors import DataError


def times(read, *cells, **options):
    return read("t\n" + "".join(f"{cell}\n" for cell in cells), **options)["t"]


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        (["2014-9-14", "2014-10-1"], "2014-09-14"),
        (["2014/09/14"], "2014-09-14"),
        (["17/04/2023", "03/05/2023"], "2023-04-17"),
        (["04/17/2023", "05/03/2023"], "2023-04-17"),
        (["03.04.2023", "05.06.2023"], "2023-04-03"),
        (["17/04/2023 8:05", "18/04/2023 12:00"], "2023-04-17 08:05"),
        (["4/17/2023 8:05:01 PM", "4/18/2023 12:00:00 AM"], "2023-04-17 20:05:01"),
        (["17.04.2023 08:05:01.25"], "2023-04-17 08:05:01.25"),
    ],
)
def test_dates_that_can_mean_one_day_are_recognised(read, cells, day):
    found = times(read, *cells)
    assert found.dtype.kind == "M"
    assert found[0] == pd.Timestamp(day)


@pytest.mark.parametrize("cells", [["03/04/2023", "05/06/2023"], ["17/04/2023", "04/17/2023"]])
def test_dates_that_can_mean_two_days_stay_text_and_say_so(read, cells):
    with pytest.warns(UserWarning, match="'t': dates whose day and month.*date_format='%d/%m/%Y'"):
        assert times(read, *cells).tolist() == cells


@pytest.mark.parametrize("cells", [["30/02/2023"], ["17/04/23"], ["17/04/2023", "soon"], ["17:30"]])
def test_what_is_no_date_stays_text(read, cells):
    assert times(read, *cells).tolist() == cells


def test_a_format_reads_its_own_dates_and_iso(read):
    assert times(read, "03/04/2023", date_format="%d/%m/%Y")[0] == pd.Timestamp("2023-04-03")
    assert times(read, "2023-04-03", date_format="%d/%m/%Y")[0] == pd.Timestamp("2023-04-03")
    assert times(read, "17-Apr-23", date_format="%d-%b-%y")[0] == pd.Timestamp("2023-04-17")


def test_a_format_of_digits_leaves_other_numbers(read):
    frame = read("t,n\n20190415,1901\n20190416,20190\n", date_format="%Y%m%d")
    assert frame["t"].tolist() == [pd.Timestamp("2019-04-15"), pd.Timestamp("2019-04-16")]
    assert frame["n"].tolist() == [1901, 20190]


def test_what_is_said_to_be_a_date_must_be(read):
    assert times(read, "20190415", "20190416", dtypes={"t": "date"}, date_format="%Y%m%d").dtype.kind == "M"
    with pytest.raises(DataError, match=r"'t' is said to be date.*'soon'.*date_format="):
        times(read, "soon", dtypes={"t": "date"})


@pytest.mark.parametrize(
    ("cell", "zone"),
    [
        ("2021-01-02T03:04:05Z", "UTC"),
        ("2021-01-02 03:04:05+00", "UTC"),
        ("2021-01-02 03:04:05 UTC", "UTC"),
        ("2021-01-02 03:04:05+02:00", "UTC+02:00"),
        ("2021-01-02T03:04:05-0330", "UTC-03:30"),
        ("2021-01-02T03:04:05 +0530", "UTC+05:30"),
    ],
)
def test_an_offset_stays(read, cell, zone):
    found = times(read, cell)
    assert str(found.dt.tz) == zone
    assert str(found[0])[:19] == cell[:19].replace("T", " ")


def test_offsets_come_back_in_files(tmp_path, read):
    frame = read("t\n2021-01-02 03:04:05+02:00\n2021-01-03 00:00:00+02:00\n")
    write_table(frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "t\n2021-01-02 03:04:05+02:00\n2021-01-03 00:00:00+02:00\n"


def test_offsets_that_change_with_the_season_are_a_zone(read):
    summer = pd.date_range("2021-03-27", periods=60, freq="h", tz="Europe/Madrid")
    with pytest.warns(UserWarning, match="change as in Europe/Berlin"):
        found = times(read, *map(str, summer))
    assert found.tolist() == summer.tolist()
    assert [str(moment) for moment in found] == [str(moment) for moment in summer]


def test_offsets_as_in_no_zone_are_in_utc(read):
    with pytest.warns(UserWarning, match="as in no time zone, read in UTC"):
        found = times(read, "2021-01-02T03:04:05+01:17", "2021-01-02T03:04:05+02:00")
    assert found.dt.strftime("%H:%M").tolist() == ["01:47", "01:04"]


def test_offsets_in_some_rows_only_stay_text(read):
    cells = ["2021-01-02 03:04:05Z", "2021-01-02 03:04:05"]
    with pytest.warns(UserWarning, match="some rows only"):
        assert times(read, *cells).tolist() == cells
