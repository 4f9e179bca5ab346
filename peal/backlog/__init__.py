"""Wishes kept in the repository, one markdown file each, on their way through a pipeline of phases."""
