"""DeepCluster-v2: prediction of clusters. Each epoch clusters a memory of the corpus's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor

from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.pretrain.arguments import Count, Positive, checked
from lvmmed_backbones.pretrain.losses.clustering import clustering_loss, spherical_kmeans
from lvmmed_backbones.pretrain.losses.directions import directions


@MODELS.register_module()
class DeepClusterV2(BaseSelfSupervisor):
    """DeepCluster-v2 (Caron et al., NeurIPS 2020, SwAV, appendix D), with `DeepClusterHook`.

    Parameters
    ----------
    backbone : dict
        Config of the backbone, with `output="last"` for one feature map.
    neck : dict
        Config of the projector, with average pooling.
    channels : int
        Length F of the embeddings.
    clusters : sequence of int
        Number of clusters of each clustering.
    temperature : float
        Temperature of the softmax.
    iterations : int
        Iterations of k-means.
    arguments
        Further arguments of mmpretrain's BaseSelfSupervisor.
    """

    @checked
    def __init__(
        self,
        backbone: dict,
        neck: dict,
        channels: Count,
        clusters: Sequence[int] = (3000, 3000, 3000),
        temperature: Positive = 0.1,
        iterations: Count = 10,
        **arguments: Any,
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, **arguments)
        if not clusters or min(clusters) < 2:
            raise ValueError(
                f"clusters are {list(clusters)}: at least one is needed, and 2 or more in each"
            )
        self.channels = channels
        self.clusters = list(clusters)
        self.temperature = temperature
        self.iterations = iterations
        self.register_buffer("epoch", torch.tensor(-1))  # the epoch of the present clusters

    def allocate(self, images: int) -> None:
        """Allocate the memory for a corpus. Raise ValueError if it has fewer images than a clustering has clusters."""
        if images < max(self.clusters):
            raise ValueError(
                f"{max(self.clusters)} clusters of {images} images: model.clusters must be lower"
            )
        device = self.epoch.device
        self.register_buffer("memory", torch.zeros(images, self.channels, device=device))
        for number, clusters in enumerate(self.clusters):
            centres = torch.zeros(clusters, self.channels, device=device)
            labels = torch.zeros(images, dtype=torch.long, device=device)
            self.register_buffer(f"centres_{number}", centres)
            self.register_buffer(f"labels_{number}", labels)

    def embed(self, view: Tensor) -> Tensor:
        """Compute the embeddings (N, F) of a view, of length 1."""
        return directions(self.neck(self.backbone(view))[0].float())

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the cross entropy of the views' clusters, and keep the embeddings of the first view in the memory."""
        index = self.index(data_samples)
        embeddings = [self.embed(view) for view in inputs]
        numbers = range(len(self.clusters))
        loss = clustering_loss(
            embeddings,
            [getattr(self, f"centres_{number}") for number in numbers],
            [getattr(self, f"labels_{number}")[index] for number in numbers],
            self.temperature,
        )
        self.remember(index, embeddings[0].detach())
        return dict(loss=loss)

    def index(self, data_samples: list[DataSample]) -> Tensor:
        """Return the numbers (N,) of the images in the corpus."""
        numbers = [sample.sample_idx for sample in data_samples]
        return torch.tensor(numbers, device=self.epoch.device)

    @torch.no_grad()
    def remember(self, index: Tensor, embeddings: Tensor) -> None:
        """Keep the embeddings (N, F) of images (N,) of all processes."""
        index, embeddings = (torch.cat(all_gather(x.contiguous())) for x in (index, embeddings))
        self.memory[index] = embeddings

    @torch.no_grad()
    def cluster(self, epoch: int) -> None:
        """Cluster the memory; every process gets the same clusters."""
        for number, clusters in enumerate(self.clusters):
            seed = 1_000 * epoch + number
            centres, labels = spherical_kmeans(self.memory, clusters, self.iterations, seed)
            getattr(self, f"centres_{number}").copy_(centres)
            getattr(self, f"labels_{number}").copy_(labels)
        self.epoch.fill_(epoch)


@HOOKS.register_module()
class DeepClusterHook(Hook):
    """Fills the memory by a pass over the corpus before the first epoch, and clusters it before every epoch."""

    def before_run(self, runner: Runner) -> None:
        """Allocate the memory before a checkpoint is loaded."""
        unwrapped(runner).allocate(len(runner.train_dataloader.dataset))

    def before_train_epoch(self, runner: Runner) -> None:
        """Cluster the memory, unless the run was resumed within this epoch."""
        model = unwrapped(runner)
        if int(model.epoch) == runner.epoch:
            return
        if int(model.epoch) < 0:
            runner.logger.info("filling DeepCluster's memory: a pass over the corpus")
            model.train()
            with torch.no_grad():
                for batch in runner.train_dataloader:
                    data = model.data_preprocessor(batch, training=True)
                    z = model.embed(data["inputs"][0])
                    model.remember(model.index(data["data_samples"]), z)
        model.cluster(runner.epoch)
