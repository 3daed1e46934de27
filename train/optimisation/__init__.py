"""What the training loop is made of: schedules, averaging, checkpoints, metrics, masks, sharding."""
