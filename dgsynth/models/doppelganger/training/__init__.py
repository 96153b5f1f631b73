"""The training of a DoppelGANger: losses, the step of all networks, privacy."""
