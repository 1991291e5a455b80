"""The schema's history: one line of versions for each context, in `versions/<context>/`."""
