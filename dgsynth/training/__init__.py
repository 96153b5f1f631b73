"""The training loop: batches, losses, callbacks and checkpoints."""
