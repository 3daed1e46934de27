"""Merging checkpoints: the methods on one tensor, the rows of different vocabularies, tensors streamed from folders."""
