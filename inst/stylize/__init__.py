"""Style given: a photo under ``[C]``, or a prompt with it."""
