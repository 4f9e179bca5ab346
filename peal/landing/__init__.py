"""How a verified commit gets into the person's branch and tree, whole or not at all."""
