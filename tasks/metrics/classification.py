"""Accuracy, kappa, macro F1 and AUROC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from lvmmed_backbones.evaluation.scores import auroc
from tasks.metrics import case_name, write_cases


@METRICS.register_module()
class ClassificationScores(BaseMetric):
    """Accuracy (the headline), Cohen's kappa, macro F1 and macro one-vs-rest AUROC, by scikit-learn.

    Parameters
    ----------
    kappa_weights : {"linear", "quadratic"}, optional
        None, or 'quadratic' for ordered grades.
    cases_file : str, optional
        File to write for every image whether it was right, and its probability of the true class.
    """

    default_prefix = ""  # so that scores keep their names; mmengine warns of None

    def __init__(
        self,
        kappa_weights: Literal["linear", "quadratic"] | None = None,
        cases_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kappa_weights = kappa_weights
        self.cases_file = cases_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep every sample's `pred_score` (C probabilities) and `gt_label`.

        Raises
        ------
        ValueError
            Naming the image, if its label is none of 0 to C - 1.
        """
        for sample in data_samples:
            scores = sample["pred_score"].cpu().double().numpy()
            name, label = case_name(sample["img_path"]), int(sample["gt_label"])
            if not 0 <= label < len(scores):
                raise ValueError(
                    f"{name}: the truth has the label {label}, but there are {len(scores)} classes "
                    f"(0 to {len(scores) - 1})"
                )
            self.results.append((name, label, scores))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score the whole test split."""
        names, labels, probabilities = zip(*results, strict=True)
        truth, probability = np.array(labels), np.stack(probabilities)
        prediction = probability.argmax(1)
        if self.cases_file:
            cases = {}
            for name, t, p, scores in zip(
                names, labels, prediction.tolist(), probabilities, strict=True
            ):
                cases[name] = dict(
                    accuracy=float(p == t), probability=float(scores[t]), truth=t, prediction=p
                )
            write_cases(self.cases_file, cases)
        classes = list(range(probability.shape[1]))
        weights = self.kappa_weights
        kappa = cohen_kappa_score(truth, prediction, labels=classes, weights=weights)
        return {
            "accuracy": float(accuracy_score(truth, prediction)),
            "kappa": float(kappa),
            "macro_f1": float(f1_score(truth, prediction, average="macro", zero_division=0.0)),
            "auroc": auroc(truth, probability),
        }
