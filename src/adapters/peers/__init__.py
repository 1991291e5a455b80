"""One context as another needs it: in this process, or over HTTP."""
