"""Registries: things by name, and what a file may name."""

from __future__ import annotations

from typing import Any

import pytest

from glassnet.errors import ArgumentError, SavingError
from glassnet.registry import (
    Registry,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    snake_case,
)


class Shape:
    def get_config(self) -> dict[str, Any]:
        return vars(self)


class Circle(Shape):
    def __init__(self, radius: float = 1.0) -> None:
        self.radius = radius


class Square(Shape):
    def __init__(self, side: float) -> None:
        self.side = side


@pytest.fixture
def shapes() -> Registry[Shape]:
    registry: Registry[Shape] = Registry("shape", Shape)
    registry.add(Circle, Square, round=Circle)
    return registry


@pytest.mark.parametrize(
    ("name", "expected"),
    [("GlorotUniform", "glorot_uniform"), ("L1L2", "l1_l2"), ("Dense", "dense"), ("SGD", "sgd"), ("AUC", "auc")],
)
def test_snake_case_is_that_of_keras(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize("identifier", ["circle", "Circle", "round", "CIRCLE", Circle, {"class_name": "Circle"}])
def test_names_classes_and_configs_find_the_same_thing(shapes: Registry[Shape], identifier: Any) -> None:
    assert isinstance(shapes.get(identifier), Circle)


def test_an_instance_and_none_pass_through(shapes: Registry[Shape]) -> None:
    circle = Circle()
    assert shapes.get(circle) is circle
    assert shapes.get(None) is None


def test_a_config_makes_an_equal_object(shapes: Registry[Shape]) -> None:
    assert shapes.deserialize(shapes.serialize(Square(3.0))).side == 3.0
    assert shapes.serialize(None) is None
    assert shapes.deserialize(None) is None


def test_an_unknown_name_lists_the_known_and_suggests_one(shapes: Registry[Shape]) -> None:
    with pytest.raises(
        ArgumentError, match=r"unknown shape 'circel'\n.*circle, round, square\n.*did you mean 'circle'\?"
    ):
        shapes.get("circel")


def test_a_name_is_not_enough_where_arguments_are_required(shapes: Registry[Shape]) -> None:
    with pytest.raises(ArgumentError, match=r"shape Square cannot be made(.|\n)*with side\n.*pass Square\(...\)"):
        shapes.get("square")


@pytest.mark.parametrize("identifier", [3, len])
def test_other_things_are_refused(shapes: Registry[Shape], identifier: Any) -> None:
    with pytest.raises(ArgumentError, match=r"not a usable shape(.|\n)*an instance of Shape"):
        shapes.get(identifier)


def test_functions_are_accepted_where_the_kind_allows_them() -> None:
    registry: Registry[Shape] = Registry("shape", Shape, functions=True)
    assert registry.get(len) is len
    with pytest.raises(SavingError, match=r"'len' cannot be saved(.|\n)*register_keras_serializable"):
        registry.serialize(len)


def test_a_registered_class_is_found_by_its_full_name_only(shapes: Registry[Shape]) -> None:
    @register_keras_serializable("test_registry")
    class Ring(Circle):
        pass

    described = shapes.serialize(Ring(2.0))
    assert described == {"class_name": "test_registry>Ring", "config": {"radius": 2.0}}
    assert isinstance(shapes.deserialize(described), Ring)
    assert get_registered_name(Ring) == "test_registry>Ring"
    assert get_registered_object("test_registry>Ring") is Ring
    assert get_registered_name(Circle) == "Circle"
    assert get_registered_object("Ring") is None
    with pytest.raises(ArgumentError, match="unknown shape 'Ring'"):
        shapes.get("Ring")


def test_custom_objects_stand_in_for_names(shapes: Registry[Shape]) -> None:
    assert isinstance(shapes.deserialize({"class_name": "Mine", "config": {}}, {"Mine": Circle}), Circle)


@pytest.mark.parametrize("config", [3, [], {"config": {}}])
def test_what_is_no_config_is_refused(shapes: Registry[Shape], config: Any) -> None:
    with pytest.raises(SavingError, match="not the config of a shape"):
        shapes.deserialize(config)
