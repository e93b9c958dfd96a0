"""What a prediction is worth: each metric from truth and prediction, with units; `published` is the published set."""

from .events import F1 as F1
from .events import EventScore as EventScore
from .events import Precision as Precision
from .events import Recall as Recall
from .events import event_scores as event_scores
from .events import find_events as find_events
from .events import matched as matched
from .metric import Axis as Axis
from .metric import Metric as Metric
from .published import auc_at_fp as auc_at_fp
from .published import clip_mv as clip_mv
from .published import explained_variance as explained_variance
from .published import mae_mv as mae_mv
from .published import rescale_per_file as rescale_per_file
from .published import rmse_mv as rmse_mv
from .published import roc as roc
from .published import roc_auc as roc_auc
from .published import tp_at_fp as tp_at_fp
from .threshold import choose_threshold as choose_threshold
from .threshold import threshold_at_fp as threshold_at_fp
