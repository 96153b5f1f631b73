from __future__ import annotations

import pytest

from dgsynth.errors import DataError
from dgsynth.studio.server import HOST, _bound


def test_a_free_port_of_this_machine_alone_is_found():
    with _bound(None) as listening:
        host, port = listening.getsockname()
        assert host == HOST == "127.0.0.1"
        assert port > 0


def test_a_port_that_is_taken_is_told_in_a_sentence():
    with _bound(None) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(DataError, match=f"port {port} can't be used"):
            _bound(port)
