"""The style-transfer algorithms on loaded models: a photo under `[C]`, a prompt with it, styles mixed by weight."""
