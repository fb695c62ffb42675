"""Saving models: one `.glassnet` file holds the configuration and the weights."""
