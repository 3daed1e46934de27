"""`curate lid`: train, calibrate, evaluate, use and fetch language identification models."""
