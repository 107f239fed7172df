"""Who helps, where and when: the service directory, on the Human Services Data Specification."""
