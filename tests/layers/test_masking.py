"""Masks: they travel from layer to layer in every kind of model, and losses and metrics count only what they let through."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import ops
from glassnet.errors import ShapeError
from glassnet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    Lambda,
    Layer,
    Masking,
    ReLU,
)
from glassnet.layers.masking import mask_of

from helpers.layer_contract import LayerCase, contract_test

IDS = np.array([[1, 2, 0, 0], [3, 1, 2, 0], [4, 4, 4, 4]])
MASK = IDS != 0
PADDED = np.where(MASK[..., None], np.random.default_rng(0).normal(size=(3, 4, 2)), 0.0)


class Total(Layer):
    """The sum over the steps that count; notes the mask that came in."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        self.seen = mask
        return ops.sum(inputs if mask is None else inputs * ops.cast(mask[:, :, None], inputs.dtype), axis=1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None


def numbers(mask: Any) -> Any:
    return None if mask is None else mask.numpy().tolist()


test_contract = contract_test(
    [
        LayerCase(Masking, {}, (4, 3, 2), oracle=lambda x: x),
        LayerCase(Masking, {"mask_value": 0.5}, (4, 3, 2), oracle=lambda x: x),
    ]
)


def test_masking_marks_steps_whose_features_all_equal_the_value() -> None:
    y = Masking(-1.0)(np.array([[[-1.0, -1.0], [-1.0, 2.0], [0.0, 0.0]]]))
    assert y.numpy().tolist() == [[[0.0, 0.0], [-1.0, 2.0], [0.0, 0.0]]]
    assert numbers(mask_of(y)) == [[False, True, True]]


@pytest.mark.parametrize(
    "layer", [Dense(3), Activation("tanh"), ReLU(), Dropout(0.5), Identity(), BatchNormalization()]
)
def test_layers_that_work_step_by_step_pass_the_mask_on(layer: Layer) -> None:
    assert numbers(mask_of(layer(Masking()(PADDED), training=True))) == MASK.tolist()


def test_ops_know_no_mask() -> None:
    assert mask_of(Masking()(PADDED) * 2.0) is None


def build_functional() -> Any:
    ids = gn.Input((4,), dtype="int32")
    return gn.Model(ids, Total()(Dense(3)(Embedding(5, 2, mask_zero=True)(ids))))


def build_sequential() -> Any:
    return gn.Sequential([Embedding(5, 2, mask_zero=True), Dense(3), Total()])


def build_nested() -> Any:
    ids = gn.Input((4,), dtype="int32")
    inner = gn.Sequential([gn.Input((4, 2)), Dense(3)])
    return gn.Model(ids, Total()(inner(Embedding(5, 2, mask_zero=True)(ids))))


class Subclass(gn.Model):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.dense, self.total = Embedding(5, 2, mask_zero=True), Dense(3), Total()

    def call(self, inputs: Any) -> Any:
        return self.total(self.dense(self.embedding(inputs)))


@pytest.mark.parametrize("build", [build_functional, build_sequential, build_nested, Subclass])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_mask_reaches_the_layer_that_needs_it_in_every_kind_of_model(build: Any, jit_compile: bool) -> None:
    model = build()
    model(IDS)
    table, kernel, bias = model.get_weights()
    expected = ((table[IDS] @ kernel + bias + 1.0) * MASK[..., None]).sum(axis=1)
    model.set_weights([table, kernel, bias + 1.0])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    np.testing.assert_allclose(model.predict(IDS), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [build_functional, build_sequential, build_nested, Subclass])
def test_a_replayed_step_with_masks_gives_the_eager_bits(build: Any) -> None:
    found, state = [], None
    for jit_compile in (False, True):
        model = build()
        model(IDS)
        state = model.get_weights() if state is None else state
        model.set_weights(state)
        model.compile(gn.optimizers.Adam(0.1), "mse", jit_compile=jit_compile)
        losses = model.fit(IDS, np.ones((3, 3)), epochs=3, batch_size=2, shuffle=False, verbose=0).history["loss"]
        found.append([*losses, *model.get_weights()])
    for eager, replayed in zip(*found, strict=True):
        np.testing.assert_array_equal(replayed, eager)


def test_an_explicit_mask_wins() -> None:
    total, other = Total(), np.array([[True, False, False, False]] * 3)
    x = Masking()(PADDED)
    total(x, mask=other)
    assert numbers(total.seen) == other.tolist()
    total(x, mask=None)
    assert numbers(total.seen) == MASK.tolist()
    model = gn.Sequential([gn.Input((4, 2)), Dense(3), total])
    model(PADDED, mask=other)
    assert numbers(total.seen) == other.tolist()
    model(PADDED)
    assert total.seen is None


def test_an_explicit_symbolic_mask_is_part_of_a_functional_model() -> None:
    ids, x, total = gn.Input((4,), dtype="int32"), gn.Input((4, 2)), Total()
    model = gn.Model([ids, x], total(x, mask=Embedding(5, 2, mask_zero=True).compute_mask(ids, None)))
    np.testing.assert_allclose(model([IDS, PADDED + 1]).numpy(), ((PADDED + 1) * MASK[..., None]).sum(1), rtol=1e-6)


def test_a_mask_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"the mask does not fit the data\n  expected: .*\(3, 4\)\n  received: \(3, 5\)"
    ):
        gn.Sequential([gn.Input((4, 2)), Dense(3)])(PADDED, mask=np.ones((3, 5), bool))


def test_the_tensor_of_a_caller_keeps_its_own_mask() -> None:
    x = Masking()(PADDED)
    Identity()(x)
    gn.Sequential([gn.Input((4, 2)), Dense(3)])(x, mask=np.ones((3, 4), bool))
    assert numbers(mask_of(x)) == MASK.tolist()


def test_merging_layers_combine_masks_as_in_keras() -> None:
    x, other = Masking()(PADDED), Masking()(PADDED[::-1].copy())
    assert numbers(mask_of(Add()([x, other]))) == (MASK | MASK[::-1]).tolist()
    assert mask_of(Add()([x, gn.Tensor(PADDED).astype("float32")])) is None
    joined = Concatenate(axis=1)([x, other])
    assert numbers(mask_of(joined)) == np.concatenate([MASK, MASK[::-1]], axis=1).tolist()
    assert numbers(mask_of(Concatenate()([x, x]))) == MASK.tolist()
    assert mask_of(Concatenate()([x + 0, x + 0])) is None


def test_lambda_says_which_mask_its_output_has() -> None:
    x = Masking()(PADDED)
    assert numbers(mask_of(Lambda(lambda x: x * 2, mask=lambda x, mask: ops.logical_not(mask))(x))) == (~MASK).tolist()
    with pytest.warns(UserWarning, match="Lambda 'twice' got an input with a mask but does not support masking"):
        assert mask_of(Lambda(lambda x: x * 2, name="twice")(x)) is None


def test_a_layer_that_cannot_pass_a_mask_on_says_so() -> None:
    x = Masking()(PADDED)
    with pytest.warns(UserWarning, match="Flatten 'flat' got an input with a mask"):
        y = Flatten(name="flat")(x)
    assert mask_of(y) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Total()(x)  # it uses the mask and defines compute_mask


def test_a_layer_of_yours_passes_masks_on_by_one_word() -> None:
    class Twice(Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, inputs: Any) -> Any:
            return inputs * 2

    assert numbers(mask_of(Twice()(Masking()(PADDED)))) == MASK.tolist()


# ---------------------------------------------------------------- losses and metrics


def prediction() -> tuple[Any, Any, Any]:
    """Probabilities (3, 4, 5) with a mask, their labels, and -ln p of the labels."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(5), size=(3, 4))
    labels = rng.integers(0, 5, (3, 4))
    return p, labels, -np.log(np.take_along_axis(p, labels[..., None], -1))[..., 0]


class Given(Layer):
    """The prediction, with the mask of the ids."""

    def call(self, inputs: Any) -> Any:
        return ops.convert_to_tensor(prediction()[0].astype("float32"))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return ops.not_equal(inputs, 0)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", lambda v, w: (v * w * MASK).sum() / MASK.sum()),
        ("mean", lambda v, w: (v * w * MASK).sum() / MASK.sum()),
        ("sum", lambda v, w: (v * w * MASK).sum()),
        ("none", lambda v, w: v * w * MASK),
        ("mean_with_sample_weight", lambda v, w: (v * w * MASK).sum() / (w * MASK).sum()),
    ],
)
@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 2, 12).reshape(3, 4)])
def test_a_loss_counts_only_what_the_mask_lets_through(reduction: str, expected: Any, weights: Any) -> None:
    _, labels, values = prediction()
    loss = gn.losses.SparseCategoricalCrossentropy(reduction=reduction)
    found = loss(labels, Given()(IDS), sample_weight=weights)
    np.testing.assert_allclose(found.numpy(), expected(values, 1.0 if weights is None else weights), rtol=1e-5)


def test_a_mask_that_lets_nothing_through_gives_0() -> None:
    loss = gn.losses.SparseCategoricalCrossentropy()
    assert float(loss(prediction()[1], Given()(0 * IDS))) == 0.0


def test_metrics_of_one_value_per_step_count_only_what_the_mask_lets_through() -> None:
    p, labels, values = prediction()
    y, weights = Given()(IDS), np.linspace(0.5, 2, 12).reshape(3, 4)
    hits = p.argmax(-1) == labels
    assert float(gn.metrics.SparseCategoricalAccuracy()(labels, y)) == pytest.approx(hits[MASK].mean())
    weighted = gn.metrics.SparseCategoricalCrossentropy()(labels, y, sample_weight=weights)
    assert float(weighted) == pytest.approx((values * weights * MASK).sum() / (weights * MASK).sum(), rel=1e-5)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", gn.losses.sparse_categorical_crossentropy])
def test_training_on_padded_sequences_equals_training_on_each_without_padding(loss: Any) -> None:
    def model() -> Any:
        made = gn.Sequential([gn.Input((None,), dtype="int32"), Embedding(5, 3, mask_zero=True), Dense(5, "softmax")])
        made.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in made.weights])
        made.compile(gn.optimizers.SGD(0.5), loss, metrics=["accuracy"])
        return made

    padded, single = model(), model()
    labels = prediction()[1]
    logs = padded.train_on_batch(IDS, labels, return_dict=True)
    counted, targets = IDS[MASK][None], labels[MASK][None]  # all steps that count, as one sequence
    plain = single.train_on_batch(counted, targets, return_dict=True)
    assert logs == pytest.approx(plain, rel=1e-5)
    for a, b in zip(padded.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
