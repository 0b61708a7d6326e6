"""Structure of a map: its dense regions, its clusters with their words, its outliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.maps.clusters import Clusters, clusters
from analysis.maps.density import Contours, contours
from analysis.maps.projection import Map
from analysis.maps.ranked import Ranked, outliers


@dataclass(frozen=True)
class Structure:
    """Of one map, in its own frame; `outliers` are by the vectors, not by the map."""

    contours: Contours
    clusters: Clusters
    outliers: Ranked

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> Structure:
        """The structure after a move of the map's points, (M, 2) -> (M, 2)."""
        lines = tuple(tuple(move(line) for line in lines) for lines in self.contours.lines)
        centres = self.clusters.centres
        if len(centres):
            centres = move(centres)
        return replace(
            self,
            contours=Contours(self.contours.shares, lines),
            clusters=replace(self.clusters, centres=centres),
        )

    def onto(self, shown: Map) -> Structure:
        """The structure in the frame that the map was brought to."""
        made = self
        for similarity in shown.moved:
            made = made.moved(similarity.apply)
        return made


def structure(made: Map, texts: Sequence[str], seed: int = 0) -> Structure:
    """Contours and clusters of a map's points, outliers of its vectors; ``texts`` (N,)."""
    points = made.projection.points
    return Structure(
        contours(points), clusters(points, texts, seed), outliers(made.vectors, seed=seed)
    )
