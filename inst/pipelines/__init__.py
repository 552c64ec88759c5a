"""The library behind the public API: values in, values out."""
