"""The nouns that several rooms share, as frozen values, no behaviour beyond what they derive from themselves."""
