"""The CLIP of the avatars: `python -m miniature.avatars.clip`."""
