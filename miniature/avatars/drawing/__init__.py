"""Drawing of an avatar from its attributes; `portrait` is the entry point."""
