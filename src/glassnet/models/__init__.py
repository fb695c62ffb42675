"""L5, models: Sequential, functional Model, subclassing."""

from glassnet.layers import registry
from glassnet.models.files import load_model, save_model, save_packed
from glassnet.models.model import Model
from glassnet.models.sequential import Sequential

registry.add(Model, Sequential)

__all__ = ["Model", "Sequential", "load_model", "save_model", "save_packed"]
