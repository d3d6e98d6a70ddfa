"""What is wrong with a configuration or a machine, before it runs."""
