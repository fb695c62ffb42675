"""Callbacks: what happens around the epochs and batches of `fit`, `evaluate` and `predict`."""

from glassnet.training.backup import BackupAndRestore
from glassnet.training.callback import Callback, LambdaCallback
from glassnet.training.callbacks import CallbackList
from glassnet.training.checkpoints import ModelCheckpoint
from glassnet.training.history import History
from glassnet.training.loggers import CSVLogger
from glassnet.training.progress import ProgbarLogger
from glassnet.training.rates import LearningRateScheduler, ReduceLROnPlateau
from glassnet.training.recorder import Recorder
from glassnet.training.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "Recorder", "ReduceLROnPlateau",
    "TerminateOnNaN",
]  # fmt: skip
