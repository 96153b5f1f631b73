"""The models: what all synthesizers have in common, and one folder for each family."""
