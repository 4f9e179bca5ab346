"""Items from other tools and for them; one file for each tool, and what they have in common."""
