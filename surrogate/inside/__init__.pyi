# The room's public names, loaded when they are first asked for.
from .elm import over_trial as over_trial
from .elm import readout_shares as readout_shares
from .filters import first_layer as first_layer
from .synapse_weights import synapse_weights as synapse_weights
