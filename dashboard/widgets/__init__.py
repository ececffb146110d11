"""Parts of pages: values in, values out; no engine and no tracking."""
