"""Planted faults of the compiler and of whoever runs plans, rows of `mutants.py`."""

from __future__ import annotations

from mutants.mutant import Mutant

COMPILER = [
    Mutant(
        "a group overtakes one that it reads", "kernels/fuse.py",
        "writers[owner] = max(position, writers.get(owner, 0))", "pass",
        "tests/kernels/test_plan.py::test_training_gives_the_numbers_of_numpy",
    ),
    Mutant(
        "values that live at once share memory", "graph/memory.py",
        "return a[0] <= b[1] and b[0] <= a[1]", "return a[0] < b[1] and b[0] < a[1] and a[1] - a[0] > 2",
        "tests/kernels/test_plan.py::test_training_gives_the_numbers_of_numpy",
    ),
    Mutant(
        "a view does not keep what it shows", "graph/buffers.py",
        "found.update(dict.fromkeys(memories[number], time))", "found[number] = time",
        "tests/graph/test_buffers.py::test_results_share_memory_exactly_where_they_do_not_live_at_once",
    ),
    Mutant(
        "buffers lie in the order of rows, whatever NumPy's own arrays do", "graph/buffers.py",
        "offsets[home], strides)", "offsets[home])",
        "tests/graph/test_buffers.py::test_outputs_have_the_bits_of_eager_and_stay_as_they_were",
    ),
    Mutant(
        "weights are overwritten that are still read", "kernels/stages.py",
        "or read.get(content, 0) > position:", "or position < 0:",
        "tests/kernels/test_plan.py::test_a_weight_that_is_read_after_its_update_keeps_its_old_value",
    ),
    Mutant(
        "a variable that another one takes over is overwritten first", "kernels/stages.py",
        "!= result or content in taken_over or", "!= result or",
        "tests/kernels/test_plan.py::test_a_variable_that_another_one_takes_over_is_not_updated_in_place",
    ),
    Mutant(
        "a view of an updated weight lies where nobody writes", "kernels/stages.py",
        "memory = self.updated_in_place.get(place.memory, place.memory)",
        "memory = self.updated_in_place.get(value, place.memory)",
        "tests/kernels/test_plan.py::test_a_view_of_a_weight_that_was_updated_in_place_shows_the_new_weight",
    ),
    Mutant(
        "a compiled recurrence forgets the mask", "kernels/recurrence.py",
        'self.is_masked = not lowering.is_all_true(self.arrays["mask"])', "self.is_masked = False",
        "tests/kernels/test_ops.py::test_kernels_give_what_numpy_gives",
    ),
    Mutant(
        "parts of an array are no longer told to depend on each other", "kernels/fuse.py",
        "return {memory.get(value, value) for value in values}", "return set(values)",
        "tests/kernels/test_ops.py::test_kernels_give_what_numpy_gives",
    ),
    Mutant(
        "columns are read while rows are missing", "kernels/fuse.py",
        "if len(joined) == 1 or _share_rows(joined, memory):", "if True:",
        "tests/kernels/test_fuse.py::test_rows_that_are_not_complete_yet_are_not_read",
    ),
    Mutant(
        "a weight is asked again after its update", "kernels/recompute.py", "source.memory in self.overwritten or", "",
        "tests/kernels/test_recompute.py::test_a_weight_is_not_read_again_after_its_update",
    ),
    Mutant(
        "what the caller reads is not kept", "kernels/recompute.py",
        "needed, found = set(kept), ", "needed, found = set[int](), ",
        "tests/kernels/test_recompute.py::test_what_the_caller_or_numpy_reads_is_kept",
    ),
    Mutant(
        "variables that exchange their contents overwrite each other", "kernels/stages.py",
        "if self.place(result).memory in overwritten and self.place(result) != self.place(content):", "if False:",
        "tests/kernels/test_plan.py::test_variables_that_exchange_their_contents_do_not_overwrite_each_other",
    ),
    Mutant(
        "the rate of a run of steps stands still", "optimizers/optimizer.py",
        "return [self.current_rate(replay * count.steps + ahead) for replay in range(replays)]",
        "return self.current_rate(ahead)",
        "tests/kernels/test_plan.py::test_many_steps_in_one_call_give_the_bits_of_single_steps",
    ),
    Mutant(
        "threads share the row that each should have", "kernels/driver.py",
        "self._product(self.thread, self.layout.rows[memory])", "self._product(self.thread, 0)",
        "tests/kernels/test_winograd.py::test_all_sides_of_a_convolution_give_its_definition",
    ),
    Mutant(
        "the last tiles of an odd image are left out", "kernels/winograd.py",
        "((0, whole, self.size), (whole, 1, rest)) if", "((0, whole, self.size), (whole, 1, 0)) if",
        "tests/kernels/test_winograd.py::test_all_sides_of_a_convolution_give_its_definition",
    ),
    Mutant(
        "a long sum loses a part", "kernels/copies.py", "node.extents[0] // count", "(node.extents[0] - 1) // count",
        "tests/kernels/test_programs.py::test_a_compiled_program_gives_the_numbers_of_numpy",
    ),
    Mutant(
        "the verifier does not mind what is read before it is computed", "kernels/verify.py",
        "if self.place(value_of(read)).memory not in known:", "if False:",
        "tests/kernels/test_passes.py::test_a_pass_that_reads_what_is_not_there_is_named",
    ),
    Mutant(
        "the verifier does not mind rows that are not complete", "kernels/verify.py",
        "and read.indices[: len(row)] != row", "and not read.indices",
        "tests/kernels/test_passes.py::test_rows_that_are_not_complete_may_not_be_read",
    ),
    Mutant(
        "a wrong kernel trains on", "graph/executor.py",
        "self.is_proved = not wrong", "self.is_proved, wrong = True, []",
        "tests/kernels/test_plan.py::test_a_wrong_kernel_is_noticed_in_the_first_step_and_training_goes_on",
    ),
    Mutant(
        "a proof counts for whatever code lies beside it", "kernels/cache.py",
        "code is None or hashlib.sha256(code).digest() != digest", "code is None",
        "tests/kernels/test_cache.py::test_a_proof_says_nothing_about_other_code_in_its_place",
    ),
    Mutant(
        "a proof counts for every graph with the same code", "kernels/cache.py", ' {meaning}"', '"',
        "tests/kernels/test_cache.py::test_a_proof_says_nothing_about_another_graph_with_the_same_code",
    ),
]  # fmt: skip
