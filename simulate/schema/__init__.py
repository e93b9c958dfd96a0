"""A dataset on disk: what it must hold (contract.py), and how it is read and written. All that other stages import."""

from .contract import COORDINATES as COORDINATES
from .contract import DONE as DONE
from .contract import FAILED as FAILED
from .contract import FINE_PER_MS as FINE_PER_MS
from .contract import PENDING as PENDING
from .contract import SCHEMA_VERSION as SCHEMA_VERSION
from .contract import SPIKE_BIN_OFFSET_MS as SPIKE_BIN_OFFSET_MS
from .contract import VARIABLES as VARIABLES
from .contract import validate as validate
from .input_error import InputError as InputError
from .made_with import made_with as made_with
from .reading import config_of as config_of
from .reading import open_dataset as open_dataset
from .reading import output_spike_bins as output_spike_bins
from .reading import read as read
from .reading import source as source
from .reading import trials_with_lost_chunks as trials_with_lost_chunks
from .spike_trains import EventStore as EventStore
from .spike_trains import SpikeTrains as SpikeTrains
from .trial_chunks import TrialChunks as TrialChunks
from .writing import commit as commit
from .writing import create as create
from .writing import write_trial as write_trial
