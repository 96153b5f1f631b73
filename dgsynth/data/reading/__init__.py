"""Files to tables: how they are written is recognised, or said; what a column holds is found from its text."""
