"""Avatars as training data: attributes, captions and prompts, files, augmentation."""
