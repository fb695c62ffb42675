"""L5, models: Sequential, functional Model, subclassing."""

from glassnet.layers import registry
from glassnet.models.functional import Functional
from glassnet.models.model import Model
from glassnet.models.sequential import Sequential

registry.add(Functional, Model, Sequential)

__all__ = ["Functional", "Model", "Sequential"]
