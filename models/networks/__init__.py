"""The networks of the tasks, made of layers."""
