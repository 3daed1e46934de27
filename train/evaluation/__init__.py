"""What a model is measured by: bits per byte and fertility on held-out text, tasks of the evaluation harness."""
