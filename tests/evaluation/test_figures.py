"""Pictures together in one figure, and as a notebook shows them."""

import pytest

figures = pytest.importorskip("dgsynth.evaluation.figures")


def drawn(height=3.2):
    figure, axes = figures.new_axes(height)
    axes.plot([0, 1])
    return figure


def test_one_picture_stays_as_it_is():
    assert figures.together([("only", drawn)]).get_suptitle() == ""


def test_pictures_stand_two_in_a_row_with_captions_and_their_own_heights():
    figure = figures.together([("$a", drawn), ("b", lambda: drawn(5.0)), ("c", lambda: drawn(1.6))])
    assert [part.get_suptitle() for part in figure.subfigs] == ["$a", "b", "c"]
    width, height = figure.get_size_inches()
    assert width == 2 * 6.4 and height == pytest.approx(5.0 + 1.6 + 2 * 0.35)
    assert figure._repr_png_()[0].startswith(b"\x89PNG")


def test_a_picture_that_fails_leaves_no_place_behind():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        figures.together([("a", drawn), ("b", fail)])
    assert isinstance(drawn(), figures.Figure)


def test_a_notebook_gets_a_png_and_its_size_without_pyplot():
    data, size = drawn(2.0)._repr_png_()
    assert data.startswith(b"\x89PNG") and size == {"width": 640, "height": 200}
