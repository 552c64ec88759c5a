"""Training that can be stopped, resumed and shared by several processes."""
