"""The assignment problem: pair rows with columns, one to one, so that the sum of the chosen entries is largest.

Shortest augmenting paths with dual potentials (Kuhn 1955; Jonker and Volgenant 1987), O(rows^2 * columns). A matching
of instances has tens of rows, so plain NumPy is fast enough and SciPy need not be installed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def maximum_assignment(gain: npt.NDArray[np.float64]) -> tuple[Indices, Indices]:
    """Rows and their columns; min(rows, columns) pairs, rows ascending."""
    if gain.shape[0] > gain.shape[1]:
        columns, rows = maximum_assignment(np.ascontiguousarray(gain.T))
        order = np.argsort(rows)
        return rows[order], columns[order]
    n_rows, n_columns = gain.shape
    cost = -np.asarray(gain, np.float64)
    row_potential = np.zeros(n_rows)
    column_potential = np.zeros(n_columns)
    row_of_column = np.full(n_columns, -1, np.int64)
    for row in range(n_rows):
        _augment(cost, row, row_potential, column_potential, row_of_column)
    columns = np.flatnonzero(row_of_column >= 0)
    order = np.argsort(row_of_column[columns])
    return row_of_column[columns][order], columns[order]


def _augment(
    cost: npt.NDArray[np.float64],
    start: int,
    row_potential: npt.NDArray[np.float64],
    column_potential: npt.NDArray[np.float64],
    row_of_column: Indices,
) -> None:
    """Give row `start` a column, moving earlier rows along the cheapest alternating path (Dijkstra)."""
    n_columns = cost.shape[1]
    distance = np.full(n_columns, np.inf)
    previous = np.full(n_columns, -1, np.int64)  # the column from which a column was reached
    done = np.zeros(n_columns, bool)
    row, reached_from, travelled = start, -1, 0.0
    visited_rows = [start]
    while True:
        reduced = travelled + cost[row] - row_potential[row] - column_potential
        shorter = ~done & (reduced < distance)
        distance[shorter] = reduced[shorter]
        previous[shorter] = reached_from
        column = int(np.argmin(np.where(done, np.inf, distance)))
        travelled = distance[column]
        done[column] = True
        if row_of_column[column] < 0:
            break
        row, reached_from = int(row_of_column[column]), column
        visited_rows.append(row)
    # keep every reduced cost >= 0 and those of chosen pairs at 0
    row_potential[start] += travelled
    for visited in visited_rows[1:]:
        row_potential[visited] += travelled - distance[row_of_column == visited][0]
    settled = done & (distance < travelled)
    column_potential[settled] -= travelled - distance[settled]
    while column >= 0:
        before = int(previous[column])
        row_of_column[column] = start if before < 0 else row_of_column[before]
        column = before
