"""The library behind the public API: values in, values out; nothing is printed, parsed or written unasked."""
