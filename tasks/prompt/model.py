"""Segment Anything with a frozen image encoder: boxes in, masks out, and the mask decoder is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.structures import PixelData
from torch import Tensor
from torch.nn.functional import interpolate

from lvmmed_backbones.evaluation.encoders.encoder import Encoder, checksum, frozen
from tasks.metrics import case_name
from tasks.prompt import decoder
from tasks.prompt.boxes import check_boxes
from tasks.prompt.embeddings import Embeddings
from tasks.prompt.images import image_input
from tasks.prompt.losses import mask_losses


@MODELS.register_module()
class PromptedSAM(BaseModel):
    """Segment Anything (Kirillov et al., ICCV 2023), prompted by a box for each image; one mask each.

    Image encoder and prompt encoder are frozen, as in MedSAM's first version and in LVM-Med's tables "prompt"; the head
    that predicts IoU is not used. Images are given by their files, since their embeddings are mostly known. The encoder
    is no part of the checkpoints: its weights have a file.

    Parameters
    ----------
    backbone : mapping
        Config of SAM's image encoder with its neck; `img_size` is the side in pixels of what it sees.
    sam_decoder : mapping, optional
        `dict(file=..., sha256=...)`: where the prompt encoder and the mask decoder are from. None: they are random.
    image_input : {"rgb", "stretched_bgr"}
        See `tasks.prompt.images.image_input`.
    mean, std : sequence of float
        Normalisation of the backbone, in RGB, 0 to 255.
    loss : mapping
        Arguments of `tasks.prompt.losses.mask_losses`.
    data_preprocessor : mapping, optional
        As of mmengine's models.

    Attributes
    ----------
    prompted : int
        Images with a prompt that the loss was computed of.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        sam_decoder: Mapping[str, str] | None = None,
        image_input: str = "rgb",
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        loss: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.side: int = backbone["img_size"]
        # Not a submodule: neither trained, nor moved, nor saved.
        self.__dict__["backbone"] = frozen(MODELS.build(dict(backbone)))
        parts = decoder.build(self.side)
        self.prompt_encoder = parts["prompt_encoder"].requires_grad_(False)
        self.mask_decoder = parts["mask_decoder"]
        self.decoder_weights = sam_decoder
        self.input = (image_input, self.side, mean, std)
        self.loss_settings = dict(loss or {})
        self.prompted = 0
        self._embeddings: Embeddings | None = None

    def init_weights(self) -> None:
        """Load the weights of the encoder and of the decoder; where there are none, the random ones stay.

        Raises
        ------
        FileNotFoundError, Refused
            Naming the file, if it is absent or does not fit.
        """
        self.backbone.init_weights()
        self._embeddings = None
        if self.decoder_weights is not None:
            parts = {"prompt_encoder": self.prompt_encoder, "mask_decoder": self.mask_decoder}
            decoder.load(torch.nn.ModuleDict(parts), **self.decoder_weights)

    @property
    def embeddings(self) -> Embeddings:
        """The embeddings of images by the encoder with its present weights."""
        if self._embeddings is None:
            name = self.backbone.model_name
            encoder = Encoder(
                name=name,
                module=self.backbone,
                transform=image_input(*self.input),
                architecture=f"{name} with neck",
                weights=checksum(self.backbone),
            )
            cells = self.side // decoder.PATCH
            self._embeddings = Embeddings(encoder, (decoder.CHANNELS, cells, cells))
        return self._embeddings

    def forward(self, data_samples: Sequence[Any], inputs: Any = None, mode: str = "tensor") -> Any:
        """Compute logits (N, h, w), a dict of losses, or data samples with `pred_sem_seg`, as mmengine asks for.

        Parameters
        ----------
        data_samples : sequence of SegDataSample
            As `tasks.prompt.transforms.PromptByBox` makes them.
        inputs : None
            Nothing: images are read by their names.
        mode : {"tensor", "loss", "predict"}
            What to compute.
        """
        if mode == "loss":
            return self._loss([s for s in data_samples if s.box is not None])
        if mode == "predict":
            return self._predict(data_samples)
        return self._logits_of(data_samples)

    def _loss(self, samples: Sequence[Any]) -> dict[str, Tensor]:
        """Return the losses of the images that have a prompt; 0 if none has."""
        self.prompted += len(samples)
        if not samples:
            zero = sum(parameter.sum() * 0 for parameter in self.mask_decoder.parameters())
            return {"loss_dice": torch.as_tensor(zero)}
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in samples])
        return mask_losses(self._logits_of(samples), labels, **self.loss_settings)

    def _predict(self, samples: Sequence[Any]) -> Sequence[Any]:
        """Put the mask at the size of the truth into each sample; without a prompt there is nothing in it.

        Logits are interpolated (bilinear) where the truth is larger than they are.
        """
        prompted = [sample for sample in samples if sample.box is not None]
        for sample in samples:
            sample.pred_sem_seg = PixelData(data=torch.zeros_like(sample.gt_sem_seg.data))
        for sample, found in zip(prompted, self._logits_of(prompted), strict=True):
            logits, size = found[None, None], sample.gt_sem_seg.data.shape[-2:]
            if logits.shape[-2:] != size:
                logits = interpolate(logits, size, mode="bilinear", align_corners=False)
            sample.pred_sem_seg.data = (logits[0] > 0).long()
        return samples

    def _logits_of(self, samples: Sequence[Any]) -> Tensor:
        """Return the logits of the samples' boxes; only boxes that the release drew at random may leave the image."""
        if not samples:
            return torch.empty(0)
        checked = [sample for sample in samples if not sample.drawn]
        boxes = np.array([sample.box for sample in checked], np.float64).reshape(-1, 4)
        check_boxes(boxes, self.side, [case_name(sample.img_path) for sample in checked])
        embeddings = self.embeddings.of([sample.img_path for sample in samples])
        return self.decode(embeddings, torch.tensor([sample.box for sample in samples]))

    def decode(self, embeddings: Tensor, boxes: Tensor) -> Tensor:
        """Return the logits (N, S / 4, S / 4) of boxes in images of S pixels; above 0 is mask.

        segment-anything's decoder takes one image at a time: of several it would repeat each for every box.

        Parameters
        ----------
        embeddings : Tensor
            (N, 256, S / 16, S / 16).
        boxes : Tensor
            (N, 4): x1, y1, x2, y2 in pixels of S.
        """
        device = next(self.mask_decoder.parameters()).device
        positions = self.prompt_encoder.get_dense_pe()
        masks = []
        for embedding, box in zip(embeddings.to(device), boxes.float().to(device), strict=True):
            with torch.no_grad():
                sparse, dense = self.prompt_encoder(points=None, boxes=box[None], masks=None)
            logits, _ = self.mask_decoder(
                image_embeddings=embedding[None],
                image_pe=positions,
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
            )
            masks.append(logits[0, 0])
        return torch.stack(masks)
