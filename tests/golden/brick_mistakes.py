"""Classic mistakes with the bricks of images, sequences and attention, and with losses, metrics and optimizers."""

from __future__ import annotations

import numpy as np
from golden.mistakes import CASES, case, classifier, fit, labels, rows

import glassnet as gn
from glassnet.lab.environments import GridWorld, make

__all__ = ["CASES"]

# ---------------------------------------------------------------- normalizing, reshaping, merging


@case
def groups_that_do_not_divide_the_features():
    gn.layers.GroupNormalization(name="norm")(np.ones((2, 8, 8, 12), "float32"))


@case
def normalizing_over_every_axis():
    gn.layers.LayerNormalization(axis=None, name="norm")


@case
def scale_of_the_wrong_length():
    gn.ops.layer_normalization(rows(), gamma=np.ones(3, "float32"))


@case
def border_as_wide_as_the_image():
    gn.layers.Cropping2D(4, name="crop")(np.ones((1, 8, 8, 1), "float32"))


@case
def padding_with_three_numbers():
    gn.layers.ZeroPadding2D((1, 2, 3), name="frame")


@case
def permutation_of_the_batch():
    gn.layers.Permute((1, 0), name="swap")


@case
def products_over_axes_of_different_sizes():
    gn.layers.Dot(axes=1, name="similarity")([rows(features=4), rows(features=3)])


@case
def difference_of_three():
    gn.layers.Subtract(name="difference")([rows(), rows(), rows()])


# ---------------------------------------------------------------- sequences, masks, attention


def sequence(steps: int = 4, features: int = 6) -> np.ndarray:
    return rows(2 * steps, features).reshape(2, steps, features)


@case
def id_out_of_range():
    gn.layers.Embedding(10, 2, name="tokens")(np.array([[1, 2, 3], [4, 12, 6]]))


@case
def words_instead_of_ids():
    gn.layers.Embedding(10, 2, name="tokens")(np.array([[0.5, 1.0]]))


@case
def sequence_longer_than_the_table_of_positions():
    gn.layers.PositionEmbedding(3, name="places")(sequence(4))


@case
def mask_of_the_wrong_length():
    gn.Sequential([gn.Input((4, 6)), gn.layers.Dense(2)], name="net")(sequence(), mask=np.ones((2, 3), bool))


@case
def mask_of_the_values_of_the_wrong_length():
    layer = gn.layers.MultiHeadAttention(2, 3, name="attention")
    layer(sequence(4), sequence(5), value_mask=np.ones((2, 4), bool))


@case
def padding_mask_of_the_wrong_length():
    gn.layers.TransformerEncoder(8, 2, name="encoder")(sequence(), padding_mask=np.ones((2, 5), bool))


@case
def query_heads_that_the_key_heads_do_not_divide():
    gn.layers.GroupQueryAttention(4, 6, 4, name="attention")


@case
def attention_over_a_single_sequence():
    gn.layers.MultiHeadAttention(2, 3, name="attention")(sequence()[0], sequence()[0])


@case
def einsum_equation_with_two_sizes_for_one_letter():
    gn.layers.EinsumDense("abc,cd->abd", (5, 3), name="projection")(sequence())


# ---------------------------------------------------------------- sequences


def sentences(samples: int = 8, steps: int = 5) -> np.ndarray:
    return rows(samples, steps * 3).reshape(samples, steps, 3)


@case
def second_lstm_without_return_sequences_in_the_first():
    gn.Sequential([gn.Input((5, 3)), gn.layers.LSTM(4), gn.layers.LSTM(4)])


@case
def mask_of_another_length_than_the_sequence():
    gn.layers.LSTM(4)(sentences(), mask=np.ones((8, 4), bool))


@case
def lstm_started_with_one_state_of_two():
    gn.layers.LSTM(4)(sentences(), initial_state=np.zeros((8, 4)))


@case
def stateful_layer_without_a_batch_size():
    gn.Sequential([gn.Input((5, 3)), gn.layers.GRU(4, stateful=True)])


@case
def stateful_layer_with_a_smaller_last_batch():
    model = gn.Sequential([gn.Input((5, 3), batch_size=4), gn.layers.GRU(4, stateful=True)])
    model.predict(sentences(6), batch_size=4)


@case
def bidirectional_around_a_dense_layer():
    gn.layers.Bidirectional(gn.layers.Dense(4))


@case
def rnn_of_a_layer_that_is_no_cell():
    gn.layers.RNN(gn.layers.Dense(4))


# ---------------------------------------------------------------- losses, metrics, optimizers


@case
def counts_below_0_against_poisson():
    fit(classifier(units=1, loss="poisson", activation="exponential"), y=rows(features=1))


@case
def one_hot_labels_against_a_loss_for_noisy_labels():
    loss = gn.losses.CategoricalGeneralizedCrossEntropy(0.7)
    fit(classifier(loss=loss), y=gn.utils.to_categorical(labels(), 3))


@case
def means_without_variances_for_gaussian_nll():
    fit(classifier(units=3, loss="gaussian_nll", activation="linear"), y=rows(features=3))


@case
def target_longer_than_the_frames_of_ctc():
    gn.losses.CTC()([[1, 2, 2, 1]], np.zeros((1, 4, 3), "float32"))


@case
def focal_loss_with_a_negative_gamma():
    fit(
        classifier(units=1, loss=gn.losses.BinaryFocalCrossentropy(gamma=-2.0), activation="sigmoid"),
        y=labels(classes=2),
    )


@case
def scores_for_a_mean_iou_of_class_numbers():
    gn.metrics.MeanIoU(num_classes=3)(labels(), np.zeros((8, 3), "float32"))


@case
def f1_score_of_a_sequence():
    gn.metrics.F1Score()(np.ones((2, 4, 3)), np.ones((2, 4, 3), "float32"))


@case
def decay_exclusion_after_training():
    model = classifier()
    fit(model)
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])


@case
def accumulation_over_one_step():
    gn.optimizers.Adam(gradient_accumulation_steps=1)


@case
def triplets_of_different_width():
    gn.losses.triplet_margin(rows(), rows(), rows(features=3))


# ---------------------------------------------------------------- augmentation, words and ids


@case
def rotation_in_degrees():
    gn.layers.RandomRotation(20, name="turn")


@case
def grey_images_without_a_channel_axis():
    gn.Sequential([gn.Input((28, 28)), gn.layers.RandomTranslation(0.1, 0.1, name="shift")])


@case
def unknown_fill_mode():
    gn.layers.RandomZoom(0.1, fill_mode="reflected", name="zoom")


@case
def mixup_of_class_numbers():
    gn.layers.MixUp(name="mix")({"images": np.ones((8, 4, 4, 1), "float32"), "labels": labels()})


@case
def boxes_beside_augmented_images():
    gn.layers.RandomFlip(name="flip")({"images": np.ones((2, 4, 4, 1)), "bounding_boxes": np.ones((2, 1, 4))})


@case
def resized_images_of_pytorch():
    gn.layers.Resizing(4, 4, data_format="channels_first", name="size")


@case
def words_before_adapt():
    gn.layers.TextVectorization(name="words")(["a text"])


@case
def unknown_word_without_an_id_for_it():
    gn.layers.StringLookup(vocabulary=["red", "green"], num_oov_indices=0, name="colour")(["blue"])


@case
def text_layer_in_a_model():
    gn.Sequential([gn.Input((1,)), gn.layers.StringLookup(vocabulary=["a"], name="words")])


@case
def class_out_of_range_of_an_encoding():
    gn.layers.CategoryEncoding(3, name="encode")(np.array([[0, 3]]))


# ---------------------------------------------------------------- binary layers, worlds to act in


@case
def packing_a_model_without_weights():
    gn.models.save_packed(gn.Sequential([gn.layers.BinaryDense(2)], name="net"), "net.glassnet")


@case
def packing_into_a_file_of_another_kind():
    gn.models.save_packed(gn.Sequential([gn.Input((3,)), gn.layers.BinaryDense(2)]), "net.npz")


@case
def step_without_a_reset():
    make("CartPole-v1").step(1)


@case
def action_counted_from_1():
    world = make("CartPole-v1")
    world.reset(seed=0)
    world.step(2)


@case
def world_of_another_version():
    make("CartPole-v0")


@case
def grid_without_a_way():
    GridWorld(["S#", "#G"])


@case
def grid_with_a_short_line():
    GridWorld(["S..", "..", "..G"])
