"""A branch offered for merging: pushed, and a request for it opened or kept up to date."""
