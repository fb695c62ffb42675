"""Planted faults of the bricks for images and for sequences, rows of `mutants.py`."""

from __future__ import annotations

from mutants.mutant import Mutant

SPATIAL = [
    Mutant(
        "a convolution flips its kernel", "ops/convolution.py",
        "kernel, weights = w.shape[: self.rank], w.reshape(-1, w.shape[-1])",
        "kernel, weights = w.shape[: self.rank], w[::-1].reshape(-1, w.shape[-1])",
        "tests/ops/test_convolution.py::test_convolution_by_hand",
    ),
    Mutant(
        "the odd cell of a border stands before the image", "ops/convolution.py",
        "(total // 2, total - total // 2)", "(total - total // 2, total // 2)",
        "tests/ops/test_convolution.py::test_convolution_by_hand",
    ),
    Mutant(
        "dilation is ignored", "ops/convolution.py",
        "[slice(None, None, d) for d in dilation]", "[slice(k) for k in kernel]",
        "tests/ops/test_convolution.py::test_convolution_by_hand",
    ),
    Mutant(
        "a transposed convolution moves by its border the wrong way", "ops/convolution.py",
        "u * dilation[axis] - border[axis][0]", "u * dilation[axis] + border[axis][0]",
        "tests/ops/test_convolution.py::test_the_transpose_is_the_adjoint",
    ),
    Mutant(
        "every group of a convolution reads the first", "ops/convolution.py",
        "*[a[..., k, :] for a in arrays]", "*[a[..., 0, :] for a in arrays]",
        "tests/ops/test_convolution.py::test_contract -k 'two_groups and value_equals'",
    ),
    Mutant(
        "a causal convolution looks ahead", "layers/convolution.py",
        "self.padding = ((before, 0),) if self.causal", "self.padding = ((0, before),) if self.causal",
        "tests/layers/test_convolution.py::test_no_output_of_a_causal_layer_sees_a_later_input",
    ),
    Mutant(
        "of equal cells the last wins", "ops/pooling.py",
        "(found > largest)", "(found >= largest)",
        "tests/ops/test_pooling.py::test_of_equal_cells_the_first_gets_the_gradient",
    ),
    Mutant(
        "the border of a maximum counts as 0", "ops/pooling.py",
        "y[...], winner[...] = -xp.inf, 0", "y[...], winner[...] = 0, 0",
        "tests/ops/test_pooling.py::test_a_border_neither_wins_nor_counts",
    ),
    Mutant(
        "an average counts the cells of its border", "ops/pooling.py",
        'if window["padding"] == "valid":', "if True:",
        "tests/ops/test_pooling.py::test_a_border_neither_wins_nor_counts",
    ),
    Mutant(
        "the gradient of a maximum goes to the tap before", "ops/pooling.py",
        "(won[pixels] == number)", "(won[pixels] == number + 1)",
        "tests/ops/test_pooling.py::test_a_cell_that_wins_several_windows_gets_a_gradient_from_each",
    ),
    Mutant(
        "winning cells are read at the tap before", "ops/pooling.py",
        "where=winner[pixels] == number)", "where=winner[pixels] == number + 1)",
        "tests/ops/test_pooling.py::test_contract -k 'winning_cells and value_equals'",
    ),
    Mutant(
        "images are augmented at inference", "layers/augmentation/base.py",
        "(self.augmented(images), labels) if training else (images, labels)", "(self.augmented(images), labels)",
        "tests/layers/test_augmentation.py::test_layers_work_by_themselves_but_in_a_model_only_in_training",
    ),
    Mutant(
        "images are turned clockwise", "layers/augmentation/geometry.py",
        "linear_maps([cos, sin], [-sin, cos]", "linear_maps([cos, -sin], [sin, cos]",
        "tests/layers/test_augmentation.py::test_rotation_turns_counter_clockwise_by_a_share_of_a_full_turn",
    ),
]  # fmt: skip

SEQUENCES = [
    Mutant(
        "the reset gate of a GRU works before the product in both forms", "ops/recurrent.py",
        "g[t] += r[t] * reset[t] if self.reset_after else (r[t] * h) @ U[:, 2 * units :]",
        "g[t] += (r[t] * h) @ U[:, 2 * units :]",
        "tests/ops/test_recurrent.py::test_contract -k 'gru and 2x15 and fused_equals'",
    ),
    Mutant(
        "the update gate of a GRU weighs the candidate", "ops/recurrent.py",
        "xp.multiply(u[t], h - g[t], out=y[t])", "xp.multiply(1 - u[t], h - g[t], out=y[t])",
        "tests/ops/test_recurrent.py::test_a_gru_with_a_full_update_gate_never_changes",
    ),
    Mutant(
        "the input and the forget gate of an LSTM change places", "ops/recurrent.py",
        "i, f, g, o = xp.split(gates, 4, axis=-1)", "f, i, g, o = xp.split(gates, 4, axis=-1)",
        "tests/layers/test_recurrent_peers.py::test_layer_equals_its_peer -k LSTM",
    ),
    Mutant(
        "an LSTM's carry moves in a step that the mask skips", "ops/recurrent.py",
        "xp.copyto(carries[t], c, where=skipped[t])", "pass",
        "tests/ops/test_recurrent.py::test_padding_changes_nothing_and_gets_no_gradient",
    ),
    Mutant(
        "no gradient passes a step that the mask skips", "ops/recurrent.py",
        "h, c = h + resting, c + resting_c", "pass",
        "tests/ops/test_recurrent.py::test_contract -k 'lstm and mask and gradient_equals'",
    ),
    Mutant(
        "the gradient of a recurrence has no slope", "ops/recurrent.py",
        "xp.multiply(h, 1 - y[t] * y[t], out=z_bar[t])", "z_bar[t] = h",
        "tests/ops/test_recurrent.py::test_a_simple_recurrence_by_hand",
    ),
    Mutant(
        "a cell of the user's own runs on at masked steps", "layers/recurrent/rnn.py",
        "after = _kept_states(mask, t, after, states)", "pass",
        "tests/layers/test_recurrent.py::test_a_cell_of_the_users_own_runs_is_masked_and_is_saved",
    ),
    Mutant(
        "forget gates start closed", "layers/recurrent/lstm.py",
        "np.concatenate([first, np.ones_like(first), rest])", "np.concatenate([first, np.zeros_like(first), rest])",
        "tests/layers/test_recurrent.py::test_forget_gates_start_open",
    ),
    Mutant(
        "attention is not scaled", "ops/attention.py",
        "scale = 1 / math.sqrt(query.shape[-1] or 1) if", "scale = 1.0 if",
        "tests/layers/test_attention.py::test_heads_compute_what_one_head_after_the_other_computes",
    ),
    Mutant(
        "attention looks only where it must not", "ops/attention.py",
        "p = xp.where(allowed, p,", "p = xp.where(~allowed, p,",
        "tests/ops/test_attention.py::test_contract -k 'attention and value_equals'",
    ),
    Mutant(
        "causal attention sees the next step", "ops/attention.py",
        "seen = np.arange(shape[2])[:, None] >=", "seen = np.arange(1, shape[2] + 1)[:, None] >=",
        "tests/layers/test_attention.py::test_a_causal_decoder_never_looks_ahead",
    ),
    Mutant(
        "a causal step with other masks does not see itself", "layers/attention.py",
        "np.tri(queries, keys, dtype=bool)", "np.tri(queries, keys, -1, dtype=bool)",
        "tests/layers/test_attention.py::test_heads_compute_what_one_head_after_the_other_computes",
    ),
    Mutant(
        "a head of keys serves query heads that are not its neighbours", "ops/attention.py",
        "np.repeat(np.arange(heads), queries // heads)", "np.tile(np.arange(heads), queries // heads)",
        "tests/ops/test_attention.py::test_bias_and_soft_cap_go_through_the_same_mathematics",
    ),
    Mutant(
        "the softmax of attention has the gradient of independent weights", "ops/attention.py",
        "gz = p * (gp - (gp * p).sum(axis=-1, keepdims=True)) * self.scale", "gz = p * (1 - p) * gp * self.scale",
        "tests/ops/test_attention.py::test_a_softmax_row_has_the_jacobian_of_the_textbook",
    ),
    Mutant(
        "an id that occurs twice gets one cotangent", "ops/indexing.py",
        "return _added(xp, lines, places.reshape(-1, 1), self.size).reshape((*before, self.size, *after))",
        "y = xp.zeros((len(lines), self.size, lines.shape[2]), x.dtype)\n        y[:, places.reshape(-1)] = lines\n"
        "        return y.reshape((*before, self.size, *after))",
        "tests/layers/test_embedding.py::test_only_rows_whose_id_occurs_get_a_gradient_the_sum_over_its_places",
    ),
    Mutant(
        "a negative id counts from the end of the table", "ops/attention.py",
        "if i.size and (i.min() < 0 or i.max() >= x.shape[0]):", "if i.size and i.max() >= x.shape[0]:",
        "tests/ops/test_attention.py::test_an_id_out_of_range_is_named_with_its_place_and_the_vocabulary",
    ),
    Mutant(
        "an embedding masks everything but the padding", "layers/embedding.py",
        "ops.not_equal(as_tensor(inputs), 0)", "ops.equal(as_tensor(inputs), 0)",
        "tests/layers/test_embedding.py::test_mask_zero_masks_id_0_and_nothing_is_masked_without_it",
    ),
]  # fmt: skip
