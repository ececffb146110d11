"""Drawing values: Optuna through Ray Tune's own searcher, going on where a search came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from ray.tune.search.optuna import OptunaSearch

from pipeline.core.space.search_space import Dimension, SearchSpace
from pipeline.core.space.trials import KEPT, Trial, trial_number

_MOST_BLIND_TRIALS = 10
_FEWEST_FOR_IMPORTANCE = 4
_DIGITS = 5

optuna.logging.set_verbosity(optuna.logging.WARNING)


class TrialSearcher(OptunaSearch):
    """Gives trials their numbers and values; trials of an earlier start count as seen.

    The first trial has the current values, so that the best is never worse than what was there.

    Parameters
    ----------
    space
        What varies.
    current
        The settings as they are now.
    earlier
        Trials of an earlier start. What did not come to its end is tried again, with the same
        number and values.
    """

    def __init__(
        self, space: SearchSpace, current: Mapping[str, Any], earlier: Sequence[Trial]
    ) -> None:
        kept = {trial_number(trial.name) for trial in earlier if trial.state in KEPT}
        again = {trial_number(t.name): dict(t.values) for t in earlier if t.state not in KEPT}
        first = {key: current[key] for key, d in space.space.items() if d.contains(current[key])}
        given = {1: first, **again}
        numbers = [number for number in range(1, space.trials + 1) if number not in kept]
        # Values that are given come first, in the order of their trials.
        self.numbers = sorted(numbers, key=lambda number: (number not in given, number))
        self._next, self._given, self._dimensions = 0, given, space.space
        # Another seed than before: the same one would draw the same values again.
        super().__init__(
            space=distributions(space),
            metric=space.metric,
            mode="max",
            points_to_evaluate=[given[n] for n in self.numbers if n in given],
            sampler=_sampler(space, space.seed + len(kept)),
        )
        for trial in earlier:
            score = trial.score(space.metric)
            if trial.state in KEPT and score is not None and _is_inside(trial, space):
                self.add_evaluated_point(dict(trial.values), score)

    def _setup_study(self, mode: Any) -> None:
        """Make the study; Ray's own insists on a value of every key for the points given."""
        self._ot_study = optuna.create_study(sampler=self._sampler, direction="maximize")
        for point in self._points_to_evaluate:
            self._ot_study.enqueue_trial(point)

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Give the next trial's number and values."""
        values = super().suggest(trial_id)
        number = self.numbers[self._next]
        self._next += 1
        rounded = {key: _rounded(value, self._dimensions[key]) for key, value in values.items()}
        return {"number": number, "values": {**rounded, **self._given.get(number, {})}}


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Give the space in Optuna's terms."""
    return {key: _distribution(dimension) for key, dimension in space.space.items()}


def importance(space: SearchSpace, trials: Sequence[Trial]) -> dict[str, float]:
    """Say how much each searched setting matters to the metric, by PED-ANOVA.

    It asks which settings the best tenth of the trials has in common (Watanabe, Bansal and Hutter,
    2023). fANOVA says much the same and takes half a minute for 1,000 trials, after each of them.

    Returns
    -------
    dict
        Setting to its share, the sum is 1, largest first; empty for fewer than four trials, or
        when all came to the same.
    """
    seen = [
        optuna.trial.create_trial(
            value=trial.score(space.metric),
            params=dict(trial.values),
            distributions=distributions(space),
        )
        for trial in trials
        if trial.state in KEPT
        and trial.score(space.metric) is not None
        and _is_inside(trial, space)
    ]
    if len(seen) < _FEWEST_FOR_IMPORTANCE or len({trial.value for trial in seen}) == 1:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(seen)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: round(float(share), 4) for key, share in shares.items()}


def _sampler(space: SearchSpace, seed: int) -> optuna.samplers.BaseSampler:
    if space.searcher == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        seed=seed,
        # Optuna draws ten blindly before it learns, which is all that a small search has.
        n_startup_trials=max(2, min(_MOST_BLIND_TRIALS, space.trials // 3)),
        # Trials that still run count as bad ones, or those beside them would draw the same.
        constant_liar=space.parallel > 1,
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.scale == "int":
        return IntDistribution(int(dimension.low), int(dimension.high))
    return FloatDistribution(dimension.low, dimension.high, log=dimension.scale == "log")


def _rounded(value: Any, dimension: Dimension) -> Any:
    """Leave the digits that people can read: what is trained is what they see, and what is saved.

    A fiftieth of a per mille changes no training, nor what the sampler learns.
    """
    if dimension.choices or not isinstance(value, float):
        return value
    return min(max(float(f"{value:.{_DIGITS}g}"), dimension.low), dimension.high)


def _is_inside(trial: Trial, space: SearchSpace) -> bool:
    """Say whether a trial has a value of every setting of the space; the first may not."""
    return all(
        key in trial.values and dimension.contains(trial.values[key])
        for key, dimension in space.space.items()
    )
