"""What the training of any model needs: the loop, batches, Adam, callbacks, checkpoints, validation."""
