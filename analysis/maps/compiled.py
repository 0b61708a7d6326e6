"""Keep the machine code of umap-learn on disk, which numba would compile in every process.

numba keeps what is declared so; umap-learn and the parallel half of pynndescent do not declare
it, and on two cores the first map of a process waited 20 s for it (60 s above 4,096 rows).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

# Functions that take arrays and numbers alone. One that takes another function (a distance) must
# not be here: numba finds its machine code again in no other process, and would add it each time.
KEPT = {
    "umap.umap_": ("smooth_knn_dist", "compute_membership_strengths"),
    "umap.utils": ("fast_knn_indices", "submatrix"),
    "umap.layouts": ("_nb_optimize_layout_euclidean_single_epoch",),
    "umap.sparse": ("arr_intersect", "arr_union", "arr_unique"),
    "umap.aligned_umap": ("build_neighborhood_similarities", "in1d", "procrustes_align"),
    "pynndescent.kernels": ("generate_graph_update_array_batched",),
    "pynndescent.utils": (
        "apply_sorted_graph_update_array",
        "build_candidates_owner",
        "deheap_sort",
        "sort_updates_by_block",
    ),
}


@cache
def keep() -> tuple[str, ...]:
    """Ask numba to keep the machine code of these functions; returns the names of those it keeps.

    It lies where numba keeps other code: beside the package, in the user's cache, or in
    ``NUMBA_CACHE_DIR``. Where none of these can be written nothing is kept, and nothing is lost
    but time.
    """
    from numba.core.dispatcher import Dispatcher

    kept = []
    for module, names in KEPT.items():
        there = vars(import_module(module))
        for name in names:
            dispatcher = there.get(name)
            if not isinstance(dispatcher, Dispatcher):
                continue  # another version of umap-learn
            try:
                dispatcher.enable_caching()
            except RuntimeError:  # no folder that can be written
                continue
            kept.append(f"{module}.{name}")
    return tuple(kept)
