"""What Streamlit runs for each view of the page."""

from __future__ import annotations

from dgsynth.studio.page import show

if __name__ == "__main__":
    show()
