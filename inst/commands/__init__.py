"""The commands, one file each: they read files, call a pipeline, show progress and write results."""
