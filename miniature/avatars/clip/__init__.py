"""The CLIP of the avatars, trained on their captions: `python -m miniature.avatars.clip`."""
