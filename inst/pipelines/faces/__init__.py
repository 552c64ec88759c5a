"""Face editing: values in, values out."""
