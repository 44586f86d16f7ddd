"""Functions that transfer adapters, convert them (Eq. 5), or turn them into plain LoRAs."""

from ioadapt_theory.moving.carrying import extract, resize
from ioadapt_theory.moving.put import TransferError, TransferReport
from ioadapt_theory.moving.transfer import transfer

__all__ = ["TransferError", "TransferReport", "extract", "resize", "transfer"]
