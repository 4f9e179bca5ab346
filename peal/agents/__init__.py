"""Who does the work: one adapter per file, each pure; `registry` knows them all."""
