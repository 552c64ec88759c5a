"""The recipes of the embedded models: training data, training and export, on a CPU; see README.md."""
