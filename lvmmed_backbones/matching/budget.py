"""Budgets of the solver: numbers of iterations and never wall-clock time, so that results repeat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The parameters of the solver.

    Parameters
    ----------
    starts : int >= 1
        Number of relaxations, each from another starting point and with another concavity; the best result counts.
    steps : int >= 1
        Number of Frank-Wolfe steps of each relaxation (Vogelstein et al. 2015).
    concavity : float in [0, 100]
        Weight of a term that makes the relaxation concave, relative to the edge affinities. This is the weight at the
        first step; it falls to 0 at the last step (path following, Zaslavskiy et al. 2009). 0: plain Frank-Wolfe.
    moves, moves_per_vertex : int >= 0
        Moves of robust tabu search (Taillard 1991) after each relaxation and its descent by swaps: the smaller of
        ``moves`` and ``moves_per_vertex`` times the number of vertices, since small problems need fewer moves.
    tenure : (float, float) or None
        Number of moves, divided by the number of vertices, during which a vertex must not return to a target that it
        left. It is drawn between both values. None: (0.9, 1.1) up to 20 vertices, (0.2, 0.6) up to 128, (0.1, 0.4)
        above.
    exact : int in [0, 10]
        Problems up to this number of vertices are solved exactly, by branch and bound.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    starts: int = 1
    steps: int = 50
    concavity: float = 0.6
    moves: int = 0
    moves_per_vertex: int = 45
    tenure: tuple[float, float] | None = None
    exact: int = 9

    def __post_init__(self) -> None:
        for name, least, most in (
            ("starts", 1, 10**6),
            ("steps", 1, 10**6),
            ("moves", 0, 10**9),
            ("moves_per_vertex", 0, 10**6),
            ("exact", 0, 10),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not least <= value <= most:
                raise ValueError(
                    f"Budget.{name} is {value!r}, must be an integer in [{least}, {most}]"
                )
        if not 0 <= self.concavity <= 100:
            raise ValueError(f"Budget.concavity is {self.concavity}, must be a number in [0, 100]")
        if self.tenure is not None and not 0 <= self.tenure[0] <= self.tenure[1] <= 1000:
            raise ValueError(f"Budget.tenure is {self.tenure}, must have 0 <= low <= high")


PRESETS = {
    "fast": Budget(steps=30),
    "default": Budget(steps=50, moves=5_000),
    "best": Budget(starts=3, steps=80, moves=14_000, moves_per_vertex=80),
}


def budget_of(budget: str | Budget) -> Budget:
    """Return a preset by its name, or the budget itself. Raise ValueError for an unknown name."""
    if isinstance(budget, Budget):
        return budget
    if budget not in PRESETS:
        raise ValueError(
            f"no budget is called {budget!r}: use one of {', '.join(PRESETS)}, or a Budget"
        )
    return PRESETS[budget]
