"""Where the tasks of a study run: processes of this machine, or a Ray cluster. Knows nothing of training."""
