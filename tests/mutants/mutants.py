"""Planted faults: one small change of the source each, and the test that must notice it.

A row names the fault, the file under `src/glassnet`, what stands there (exactly once), what takes its place, and the
test: a pytest address, with `-k` where a contract table has many rows. `test_mutants.py` plants and runs them.
"""

from __future__ import annotations

from mutants.compiled_steps import COMPILER
from mutants.mutant import Mutant
from mutants.spaces_and_sequences import SEQUENCES, SPATIAL

ENGINE = [
    Mutant(
        "broadcasting is not undone in backward", "autograd/backward.py",
        "return F.sum_to(g, spec.shape)", "return g",
        "tests/ops/test_elementwise.py::test_contract -k 'add and broadcast and gradient_equals'",
    ),
    Mutant(
        "sums of gradients are written into an array that others hold", "autograd/backward.py",
        "elif node in self.owned and type(old) is np.ndarray:", "elif type(old) is np.ndarray:",
        "tests/autograd/test_backward.py::test_accumulation_never_writes_into_what_others_hold",
    ),
    Mutant(
        "a second backward replaces the gradient", "autograd/backward.py",
        "node.grad = cotangent if node.grad is None else node.grad + cotangent", "node.grad = cotangent",
        "tests/autograd/test_backward.py::test_gradients_collect_over_calls_and_one_handed_out_stays",
    ),
    Mutant(
        "a gradient goes through weights that were overwritten since", "autograd/backward.py",
        "if parent.base is not None and parent.base.changed_at > node.stamp:", "if False:",
        "tests/autograd/test_variable.py::test_backward_through_an_overwritten_value_names_both_lines",
    ),
    Mutant(
        "assign does not raise the version", "autograd/variable.py",
        "self.touch(user_line())", "user_line()",
        "tests/autograd/test_variable.py::test_assign_writes_in_place_and_raises_the_version",
    ),
    Mutant(
        "a Python number brings its own dtype", "autograd/op.py",
        "tensors[position] = wrap(np.asarray(x, own), None)", "tensors[position] = wrap(np.asarray(x), None)",
        "tests/autograd/test_tensor.py::test_python_numbers_are_weak_and_floats_win_over_integers",
    ),
    Mutant(
        "the NumPy number of an attribute promotes float32", "autograd/op.py",
        "if isinstance(value, np.generic):  # a NumPy number", "if False:  # a NumPy number",
        "tests/autograd/test_tensor.py::test_a_numpy_number_as_attribute_of_an_operation_is_weak_too",
    ),
    Mutant(
        "a rule reads a broadcast axis beyond its end", "autograd/rules.py",
        "if isinstance(index, Name) and index.name.isdigit() and size == 1:", "if False:",
        "tests/autograd/test_rules.py::test_every_construct_means_what_numpy_computes",
    ),
    Mutant(
        "under max_ a rule reads 0 outside of an array", "autograd/rules.py",
        "cells = np.asarray(self.value(body, start))", "cells = np.asarray(self.value(body, 0.0))",
        "tests/autograd/test_rules.py::test_every_construct_means_what_numpy_computes",
    ),
    Mutant(
        "the gradient checker lets one percent pass", "autograd/gradcheck.py",
        "order: int = 1, tolerance: float = 1e-6,", "order: int = 1, tolerance: float = 1e-2,",
        "tests/autograd/test_gradcheck.py::test_a_derivative_wrong_by_a_twentieth_of_a_percent_is_caught",
    ),
    Mutant(
        "a replay reuses the random bits of the first", "graph/plan.py",
        "for feed, array in zip(graph.feeds, graph.fed() if fed is None else fed):",
        "for feed, array in [(f, a) for f, a in zip(graph.feeds, graph.fed()) if slots[f.value] is None]:",
        "tests/layers/test_regularization.py::test_a_replayed_step_draws_anew_each_time",
    ),
    Mutant(
        "an update writes in place what is read later", "graph/plan.py",
        "safe = all(i not in read_later and call.inputs.count(i) == 1 for i in overwritten)", "safe = True",
        "tests/graph/test_plan.py::test_memory_is_taken_over_only_where_nobody_else_reads_it",
    ),
    Mutant(
        "a plan outlives a change of what is trainable", "graph/jit.py",
        "return self.trainable == tuple([v.trainable for v, _ in self.plan.graph.variables])", "return True",
        "tests/graph/test_jit.py::test_a_change_of_what_is_trainable_traces_again",
    ),
    Mutant(
        "one plan serves training and inference", "graph/jit.py",
        "key = (_key(list(arguments), arrays), STATE.training, config", "key = (_key(list(arguments), arrays), None, config",
        "tests/graph/test_jit.py::test_a_layer_called_inside_follows_the_training_flag_outside",
    ),
    Mutant(
        "a number that Python makes anew is frozen", "graph/jit.py",
        "if difference is not None:", "if False:",
        "tests/graph/test_jit.py::test_what_python_makes_anew_is_refused_instead_of_frozen",
    ),
]  # fmt: skip

OPS = [
    Mutant(
        "the bias gradient is that of one sample", "ops/linalg.py",
        "_rows(g).sum(axis=0) if needed[2] else None", "_rows(g)[0] if needed[2] else None",
        "tests/ops/test_linalg.py::test_contract -k 'linear and gradient_equals'",
    ),
    Mutant(
        "the weight gradient is transposed", "ops/linalg.py",
        "return x.T * g if x.shape[0] == 1 else x.T @ g", "return (g.T @ x).reshape(x.shape[1], g.shape[1])",
        "tests/ops/test_linalg.py::test_contract -k 'linear and gradient_equals'",
    ),
    Mutant(
        "the 1/n of a mean is missing in backward", "ops/reduction.py",
        "keep_axes(F, g / n, x.shape, self.axes)", "keep_axes(F, g, x.shape, self.axes)",
        "tests/ops/test_reduction.py::test_contract -k 'mean and gradient_equals'",
    ),
    Mutant(
        "a running sum is reversed along another axis", "ops/reduction.py",
        "F.flip(F.cumsum(F.flip(g, self.axis), self.axis), self.axis)", "F.flip(F.cumsum(F.flip(g, 0), self.axis), 0)",
        "tests/ops/test_reduction.py::test_contract -k 'cumsum and gradient_equals'",
    ),
    Mutant(
        "tied maxima each get the whole cotangent", "ops/reduction.py",
        "self.axes) / k * chosen", "self.axes) * chosen",
        "tests/ops/test_reduction.py::test_tied_cells_share_the_cotangent_evenly",
    ),
    Mutant(
        "the sign of a subtraction is lost in backward", "ops/elementwise.py",
        "return g, -g if needed[1] else None", "return g, g if needed[1] else None",
        "tests/ops/test_elementwise.py::test_contract -k 'subtract and gradient_equals'",
    ),
    Mutant(
        "the sign of a quotient's denominator is lost", "ops/elementwise.py",
        "return share, -share * y if needed[1] else None", "return share, share * y if needed[1] else None",
        "tests/ops/test_elementwise.py::test_contract -k 'divide and gradient_equals'",
    ),
    Mutant(
        "tanh has the slope 1 + y²", "ops/activation.py",
        "return g * (1 - y * y)", "return g * (1 + y * y)",
        "tests/ops/test_activation.py::test_contract -k 'tanh and gradient_equals'",
    ),
    Mutant(
        "cells picked twice get one cotangent", "ops/indexing.py",
        "xp.add.at(y.reshape(-1), flat.reshape(-1), x.reshape(-1))", "y.reshape(-1)[flat.reshape(-1)] = x.reshape(-1)",
        "tests/ops/test_indexing.py::test_cells_picked_twice_collect_both_cotangents",
    ),
    Mutant(
        "the factor 2 of a squared error is missing in backward", "ops/loss.py",
        "(g[..., None] * (2 / p.shape[-1]))", "(g[..., None] * (1 / p.shape[-1]))",
        "tests/ops/test_loss.py::test_contract -k 'squared_error and gradient_equals'",
    ),
    Mutant(
        "the fused cross-entropy drops its incoming gradient", "ops/loss.py",
        "dtype=z.dtype)) * F.expand_dims(g, -1), None", "dtype=z.dtype)), None",
        "tests/ops/test_loss.py::test_contract -k 'sparse and gradient_equals'",
    ),
    Mutant(
        "logits are taken for probabilities", "ops/loss.py",
        "logits = output if from_logits else logits_behind(output, Softmax, axis)",
        "logits = logits_behind(output, Softmax, axis)",
        "tests/test_losses.py::test_value_and_reductions_equal_the_formula",
    ),
    Mutant(
        "dropout does not scale the survivors", "ops/random.py",
        "y *= 1 / (1 - self.rate)", "y *= 1",
        "tests/layers/test_regularization.py::test_dropout_scales_the_survivors_so_that_the_mean_stays",
    ),
    Mutant(
        "dropout lets the gradient through everywhere", "ops/random.py",
        "return F.apply_dropout(g, u, self.rate) if needed[0] else None, None", "return g, None",
        "tests/layers/test_regularization.py::test_dropout_lets_the_gradient_through_where_the_input_went_through",
    ),
]  # fmt: skip

OPTIMIZERS = [
    Mutant(
        "momentum climbs", "ops/optimization.py",
        "velocity -= step", "velocity += step",
        "tests/ops/test_optimization.py::test_momentum_by_hand",
    ),
    Mutant(
        "nesterov is ignored", "ops/optimization.py",
        "move = step - velocity * self.momentum if self.nesterov else -velocity", "move = -velocity",
        "tests/ops/test_optimization.py::test_nesterov_momentum_by_hand",
    ),
    Mutant(
        "Adam lacks its bias corrections", "ops/optimization.py",
        "return float(rate) * math.sqrt(1 - beta_2 ** int(t)) / (1 - beta_1 ** int(t))", "return float(rate)",
        "tests/ops/test_optimization.py::test_adam_moves_by_the_rate_at_first_whatever_the_gradient",
    ),
    Mutant(
        "weight decay is ignored", "ops/optimization.py",
        "move += w * decay", "move += w * 0",
        "tests/ops/test_optimization.py::test_decoupled_decay_shrinks_the_weight_before_the_step",
    ),
    Mutant(
        "the last piece of a large array is not updated", "ops/optimization.py",
        "for start in range(0, flat[0].size, _PIECE):", "for start in range(0, flat[0].size - _PIECE, _PIECE):",
        "tests/ops/test_optimization.py::test_large_arrays_equal_their_parts",
    ),
    Mutant(
        "steps are not counted", "optimizers/optimizer.py",
        "self._iterations.assign(step)", "pass",
        "tests/test_optimizers.py::test_adam_counts_steps_over_several_fits_and_saves_the_count",
    ),
    Mutant(
        "the step counter is not restored", "optimizers/optimizer.py",
        "variable.assign(np.asarray(state[name]))", "variable.assign(np.asarray(state[name] * (name != 'iterations')))",
        "tests/test_optimizers.py::test_adam_counts_steps_over_several_fits_and_saves_the_count",
    ),
    Mutant(
        "clipping lengthens short gradients", "optimizers/optimizer.py",
        "return gradient * (longest / ops.maximum(norm, longest))", "return gradient * (longest / norm)",
        "tests/test_optimizers.py::test_clipnorm_shortens_single_variables_that_are_too_long",
    ),
    Mutant(
        "constraints are ignored", "optimizers/optimizer.py",
        "variable.assign(variable.constraint(variable.value))", "pass",
        "tests/test_optimizers.py::test_constraints_act_after_the_step_and_keep_neighbours_free",
    ),
    Mutant(
        "Nadam does not look ahead", "ops/optimization.py",
        "eta * ahead / (1 - product * ahead)", "eta * now / (1 - product)",
        "tests/test_optimizers_peers.py::test_weights_move_as_in_keras -k Nadam",
    ),
    Mutant(
        "Adamax never forgets a large gradient", "ops/optimization.py",
        "xp.maximum(before_u * self.beta_2, xp.abs(slope), out=largest)",
        "xp.maximum(before_u, xp.abs(slope), out=largest)",
        "tests/ops/test_optimization.py::test_adamax_divides_by_the_largest_gradient_of_late",
    ),
    Mutant(
        "Lion steps by the momentum that it keeps", "ops/optimization.py",
        "xp.sign(self.beta_1 * before + (1 - self.beta_1) * slope)",
        "xp.sign(self.beta_2 * before + (1 - self.beta_2) * slope)",
        "tests/test_optimizers_peers.py::test_weights_move_as_in_keras -k Lion",
    ),
    Mutant(
        "averages of weights start at 0", "ops/optimization.py",
        "_blend(xp, keep, before, weight, new)", "_blend(xp, self.momentum, before * (int(t) > 1), weight, new)",
        "tests/ops/test_optimization.py::test_running_average_by_hand",
    ),
]  # fmt: skip

LAYERS = [
    Mutant(
        "dropout is active at inference", "layers/regularization.py",
        "if not training or self.rate == 0:", "if self.rate == 0:",
        "tests/layers/test_regularization.py::test_contract -k 'Dropout and value_equals'",
    ),
    Mutant(
        "use_bias is ignored", "layers/core.py",
        "(self.units,)) if self.use_bias else None", "(self.units,))",
        "tests/layers/test_core.py::test_contract -k 'Dense and weights_are_as_declared'",
    ),
    Mutant(
        "batch normalization trains on its running statistics", "layers/normalization.py",
        "if training and self.trainable:", "if False:",
        "tests/layers/test_normalization.py::test_training_normalizes_by_the_batch_and_moves_the_averages",
    ),
    Mutant(
        "batch normalization ignores that it is frozen", "layers/normalization.py",
        "if training and self.trainable:", "if training:",
        "tests/layers/test_normalization.py::test_a_frozen_layer_computes_as_at_inference",
    ),
    Mutant(
        "the running mean does not move", "layers/normalization.py",
        "self._move(self.moving_mean, mean)", "pass",
        "tests/layers/test_normalization.py::test_training_normalizes_by_the_batch_and_moves_the_averages",
    ),
    Mutant(
        "unfreezing trains the running statistics", "layers/base.py",
        "variable.trainable = bool(trainable) and not variable.never_trainable", "variable.trainable = bool(trainable)",
        "tests/layers/test_normalization.py::test_running_averages_are_not_trained_after_unfreezing",
    ),
    Mutant(
        "activity regularizers are ignored", "layers/base.py",
        "self.add_loss(self.activity_regularizer(output) / (size or 1))", "pass",
        "tests/layers/test_base.py::test_activity_regularizer_adds_the_mean_penalty_of_a_sample",
    ),
    Mutant(
        "Glorot's variance forgets the outputs", "initializers.py",
        '"fan_avg": (fan_in + fan_out) / 2', '"fan_avg": fan_in',
        "tests/test_initializers.py::test_numbers_have_the_distribution_of_the_source",
    ),
    Mutant(
        "all random generators draw the same numbers", "seeds.py",
        "_root.spawn(1)[0]", "_root",
        "tests/test_seeds.py::test_children_of_the_root_are_independent_of_each_other",
    ),
    Mutant(
        "momentum is the share of the new batch", "layers/normalization.py",
        "running.assign(running * self.momentum + batch.detach() * (1 - self.momentum))",
        "running.assign(running * (1 - self.momentum) + batch.detach() * self.momentum)",
        "tests/layers/test_normalization.py::test_training_normalizes_by_the_batch_and_moves_the_averages",
    ),
    Mutant(
        "the running variance is divided by one cell less", "layers/normalization.py",
        "self._move(self.moving_variance, variance)",
        "self._move(self.moving_variance, variance * inputs.shape[0] / (inputs.shape[0] - 1))",
        "tests/layers/test_normalization.py::test_training_normalizes_by_the_batch_and_moves_the_averages",
    ),
    Mutant(
        "layer normalization adds epsilon to the root", "ops/normalization.py",
        'xp.sqrt(xp.einsum("nk,nk->n", n, n)[:, None] / gamma.size + x.dtype.type(self.epsilon))',
        '(xp.sqrt(xp.einsum("nk,nk->n", n, n)[:, None] / gamma.size) + x.dtype.type(self.epsilon))',
        "tests/layers/test_normalization.py::test_contract -k 'LayerNormalization and value_equals'",
    ),
    Mutant(
        "batch normalization adds epsilon to the root", "ops/normalization.py",
        "scale = gamma / xp.sqrt(variance + rows.dtype.type(epsilon))",
        "scale = gamma / (xp.sqrt(variance) + rows.dtype.type(epsilon))",
        "tests/layers/test_normalization.py::test_training_normalizes_by_the_batch_and_moves_the_averages",
    ),
]  # fmt: skip

LOSSES = [
    Mutant(
        "label smoothing is off", "losses/crossentropy.py",
        "return y_true * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true",
        "return y_true",
        "tests/test_losses.py::test_value_and_reductions_equal_the_formula",
    ),
    Mutant(
        "a loss ignores sample_weight", "losses/loss.py",
        "values = values * weights", "pass",
        "tests/test_losses.py::test_value_and_reductions_equal_the_formula",
    ),
    Mutant(
        "a mean loss is a sum", "losses/loss.py",
        "return ops.mean(values)", "return ops.sum(values)",
        "tests/test_losses.py::test_mean_loss_gradient_is_the_average_of_the_gradients_of_single_samples",
    ),
    Mutant(
        "accuracy compares with the class before", "metrics/accuracy.py",
        "return ops.equal(ops.argmax(y_pred, axis=-1), _labels", "return ops.equal(ops.argmax(y_pred, axis=-1) + 1, _labels",
        "tests/test_metrics.py::test_functions_give_one_number_per_sample",
    ),
    Mutant(
        "top-k accuracy counts k - 1 classes", "metrics/accuracy.py",
        "return not_higher > max(scores.shape[-1] - k, 0)", "return not_higher > max(scores.shape[-1] - k + 1, 0)",
        "tests/test_metrics.py::test_functions_give_one_number_per_sample",
    ),
    Mutant(
        "a mean metric ignores its weights", "metrics/reduction.py",
        "total = losses.reduce_values(values, sample_weight, ", "total = losses.reduce_values(values, None, ",
        "tests/test_metrics.py::test_weights_count_samples_that_often",
    ),
    Mutant(
        "a focal loss looks at what is right already", "losses/focal.py",
        "ops.maximum(y_true * (1 - p) + (1 - y_true) * p, epsilon())",
        "ops.maximum(y_true * p + (1 - y_true) * (1 - p), epsilon())",
        "tests/test_losses_peers.py::test_losses_have_the_values_and_gradients_of_keras -k binary_focal",
    ),
    Mutant(
        "CTC joins equal labels without a blank between", "ops/loss.py",
        "jump = (states != self.blank) & (states != _moved(xp, states, 2, self.blank))", "jump = states != self.blank",
        "tests/test_losses.py::test_ctc_is_the_sum_over_all_paths",
    ),
    Mutant(
        "CTC counts one frame behind the end", "ops/loss.py",
        "inside = xp.arange(z.shape[1]) < frames[:, None]", "inside = xp.arange(z.shape[1]) <= frames[:, None]",
        "tests/ops/test_loss.py::test_contract -k 'ctc_loss and gradient_equals'",
    ),
    Mutant(
        "an F score weighs the wrong mistakes", "metrics/f_score.py",
        "hits + factor * self.false_negatives + self.false_positives",
        "hits + self.false_negatives + factor * self.false_positives",
        "tests/test_metrics.py::test_one_batch_gives_the_number_of_numpy -k FBetaScore",
    ),
    Mutant(
        "what a region and its prediction share counts twice in their union", "metrics/segmentation.py",
        "ops.sum(table, axis=0) + ops.sum(table, axis=1) - both", "ops.sum(table, axis=0) + ops.sum(table, axis=1)",
        "tests/test_metrics.py::test_one_batch_gives_the_number_of_numpy -k IoU",
    ),
]  # fmt: skip

TRAINING = [
    Mutant(
        "class_weight is ignored", "training/data.py",
        'np.array([class_weight[int(c)] for c in classes], "float32")', 'np.ones(len(classes), "float32")',
        "tests/training/test_fit_arguments.py::test_weights_of_classes_and_of_samples_multiply_the_loss",
    ),
    Mutant(
        "class_weight overrules sample_weight", "training/data.py",
        "return weights if sample_weight is None else weights", "return weights if True else weights",
        "tests/training/test_fit_arguments.py::test_weights_of_classes_and_of_samples_multiply_the_loss",
    ),
    Mutant(
        "data are not shuffled", "training/data.py",
        "return self.generator.permutation(self.samples) if self.shuffle else np.arange(self.samples)",
        "return np.arange(self.samples)",
        "tests/training/test_fit_arguments.py::test_shuffling_gives_every_row_once_and_each_epoch_an_order_of_its_own",
    ),
    Mutant(
        "the last, smaller batch is dropped", "training/data.py",
        "for start in range(0, self.samples, self.batch_size):",
        "for start in range(0, self.samples - self.batch_size + 1, self.batch_size):",
        "tests/training/test_fit_arguments.py::test_without_shuffling_rows_come_in_order_and_the_last_batch_may_be_smaller",
    ),
    Mutant(
        "validation_split takes the first rows", "training/data.py",
        "first, last = slice(0, cut), slice(cut, samples)",
        "first, last = slice(samples - cut, samples), slice(0, samples - cut)",
        "tests/training/test_fit_arguments.py::test_validation_split_takes_the_last_rows",
    ),
    Mutant(
        "evaluation runs in training mode", "training/trainer.py",
        "y_pred = self(x, training=False)", "y_pred = self(x, training=True)",
        "tests/training/test_fit_arguments.py::test_evaluate_and_validation_run_at_inference",
    ),
    Mutant(
        "loss_weights are ignored", "training/compiled.py",
        "value = value if factor == 1.0 else value * factor", "pass",
        "tests/training/test_fit_arguments.py::test_loss_weights_are_factors_of_the_losses_of_the_outputs",
    ),
    Mutant(
        "weight regularizers do not reach the loss of fit", "training/trainer.py",
        "extra = self._extra_losses()", "extra = []",
        "tests/training/test_fit_arguments.py::test_weight_regularizers_are_part_of_the_loss_of_fit",
    ),
    Mutant(
        "EarlyStopping waits one epoch too long", "training/stopping.py",
        "elif self.wait >= self.patience and epoch > 0:", "elif self.wait > self.patience and epoch > 0:",
        "tests/training/test_callbacks.py::test_early_stopping_counts_epochs_without_improvement",
    ),
    Mutant(
        "restore_best_weights is ignored", "training/stopping.py",
        "if self.best_weights is not None:", "if False:",
        "tests/training/test_callbacks.py::test_the_best_weights_come_back_at_the_end",
    ),
    Mutant(
        "min_delta is ignored", "training/monitor.py",
        "return self.sign * value - self.min_delta > self.sign * than", "return self.sign * value > self.sign * than",
        "tests/training/test_callbacks.py::test_early_stopping_counts_epochs_without_improvement",
    ),
    Mutant(
        "the learning rate is not left alone after a reduction", "training/rates.py",
        "self.cooldown_counter, self.wait = self.cooldown, 0", "self.cooldown_counter, self.wait = 0, 0",
        "tests/training/test_callbacks.py::test_after_a_reduction_the_cooldown_does_not_count",
    ),
    Mutant(
        "a backup does not restore the random generators", "training/backup.py",
        "generator.state = saved", "pass",
        "tests/training/test_backup.py::test_ten_epochs_equal_five_and_a_kill_and_five",
    ),
]  # fmt: skip

FILES = [
    Mutant(
        "save forgets the optimizer's state", "models/files.py",
        "if model.compiled and model.optimizer.built:", "if False:",
        "tests/models/test_files.py::test_training_goes_on_byte_for_byte_after_loading",
    ),
    Mutant(
        "the checksum of a member is not compared", "saving/archive.py",
        "return self._archive.open(info)",
        "stream = self._archive.open(info)\n        stream._expected_crc = None\n        return stream",
        "tests/saving/test_archive.py::test_a_wrong_checksum_is_refused",
    ),
    Mutant(
        "sizes beyond max_bytes are read", "saving/archive.py",
        "if total > max_bytes:", "if False:",
        "tests/saving/test_archive.py::test_sizes_beyond_max_bytes_are_refused_before_anything_is_unpacked",
    ),
    Mutant(
        "an array takes as much memory as its header claims", "saving/archive.py",
        "if claimed != present:", "if False:",
        "tests/saving/test_archive.py::test_a_wrong_array_member_is_refused_without_running_it_or_taking_memory",
    ),
    Mutant(
        "an array may be named out of its folder", "saving/archive.py",
        'part not in ("", ".", "..")', 'part not in ("", ".")',
        "tests/saving/test_archive.py::test_unsafe_array_names_are_refused",
    ),
    Mutant(
        "a file of a newer format is read", "saving/archive.py",
        "if version > FORMAT_VERSION:", "if False:",
        "tests/saving/test_archive.py::test_a_file_of_a_newer_format_says_which_version_it_needs",
    ),
    Mutant(
        "a file is renamed before it is on the disk", "saving/atomic.py",
        "os.fsync(file.fileno())", "pass",
        "tests/saving/test_atomic.py::test_the_file_is_synced_before_the_rename_and_its_folder_after",
    ),
    Mutant(
        "a cached file with a wrong sum is used", "datasets/download.py",
        "if not (path.is_file() and _has_hash(path, file_hash)):", "if not path.is_file():",
        "tests/datasets/test_download.py::test_cached_file_with_a_wrong_sum_is_fetched_again",
    ),
]  # fmt: skip

MUTANTS = [
    *ENGINE, *COMPILER, *OPS, *OPTIMIZERS, *LAYERS, *SPATIAL, *SEQUENCES, *LOSSES, *TRAINING, *FILES,
]  # fmt: skip
