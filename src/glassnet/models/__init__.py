"""L5, models: Sequential, functional Model, subclassing."""

from glassnet.layers import registry
from glassnet.models.model import Model
from glassnet.models.sequential import Sequential

registry.add(Model, Sequential)

__all__ = ["Model", "Sequential"]
