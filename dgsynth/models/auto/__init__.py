"""The synthesizer that chooses: candidates that fit the data, a race between them, all the rest for the winner."""
