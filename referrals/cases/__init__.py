"""Hand-overs: from a child's request, over its way through organisations, to its deletion."""
