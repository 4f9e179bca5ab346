"""What is asked for, of a plan or of the backlog, checked and resolved to a job that can run."""
