"""What is told of a run when it is over, to people and programs that did not look on; made of its journal and what attempts left."""
