"""How long the solver searches: iterations, never wall-clock, so that results repeat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The knobs of the solver.

    Parameters
    ----------
    starts : int >= 1
        Relaxations that are followed, each from another point and with another concavity; the best end wins.
    steps : int >= 1
        Frank-Wolfe steps of each relaxation (Vogelstein et al. 2015).
    concavity : float in [0, 100]
        Weight, at the first step and relative to the edge affinities, of a term that makes the relaxation concave; it
        falls to 0 at the last step (path following, Zaslavskiy et al. 2009). 0 is plain Frank-Wolfe.
    moves, moves_per_vertex : int >= 0
        Moves of robust tabu search (Taillard 1991) after each relaxation and its descent by swaps: the lesser of
        ``moves`` and ``moves_per_vertex`` times the vertices, since small problems are searched through sooner.
    tenure : (float, float) or None
        For how many moves, per vertex, a vertex may not return to a place it left: drawn between both. None chooses by
        size: (0.9, 1.1) up to 20 vertices, (0.2, 0.6) up to 128, (0.1, 0.4) above.
    exact : int in [0, 10]
        Problems of up to so many vertices are solved exactly, by branch and bound.

    Raises
    ------
    ValueError
        If a knob is out of its range.
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
    """A preset by its name, or the budget itself. Raises ValueError for an unknown name."""
    if isinstance(budget, Budget):
        return budget
    if budget not in PRESETS:
        raise ValueError(
            f"no budget is called {budget!r}: use one of {', '.join(PRESETS)}, or a Budget"
        )
    return PRESETS[budget]
