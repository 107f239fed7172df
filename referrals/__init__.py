"""The facts: the service directory and the cases."""
