"""What is wrong in a repository, told and mended: a list of checks, each of which looks and changes nothing."""
