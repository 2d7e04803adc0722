"""One global batch on several devices or processes: what each of them sees of it.

Every engine keeps its own state, so this holds for one that a user has set up, too:
on JAX the distribution of Keras, on TensorFlow the strategy whose scope is open, on
torch the process group.
"""

from keras_sphere.backend.replicas.global_batch import (
    draw_for_batch,
    gather_replicas,
    global_rows,
    local_shares,
    num_shares,
    own_rows,
    replica,
    tensorflow_strategy,
)
from keras_sphere.backend.replicas.process_group import (
    all_reduced,
    alone,
    gather_objects,
    in_group,
    largest_of_processes,
    processes,
    wait_for_processes,
)
from keras_sphere.backend.replicas.shared_inference import (
    num_sharers,
    run_split,
    share_chunks,
)
from keras_sphere.backend.replicas.shared_variables import (
    make_equal_on_processes,
    own_part_of_sum,
    summed_over_processes,
    whole_arrays,
    whole_variables,
)

__all__ = [
    "all_reduced",
    "alone",
    "draw_for_batch",
    "gather_objects",
    "gather_replicas",
    "global_rows",
    "in_group",
    "largest_of_processes",
    "local_shares",
    "make_equal_on_processes",
    "num_sharers",
    "num_shares",
    "own_part_of_sum",
    "own_rows",
    "processes",
    "replica",
    "run_split",
    "share_chunks",
    "summed_over_processes",
    "tensorflow_strategy",
    "wait_for_processes",
    "whole_arrays",
    "whole_variables",
]
