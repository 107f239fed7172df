"""The pages on which organisations read and answer hand-overs."""
