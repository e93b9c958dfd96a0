# The room's public names, loaded when they are first asked for.
from .filters_figure import filters_figure as filters_figure
from .memory_figure import memory_figure as memory_figure
from .spike_triggered import spike_triggered as spike_triggered
from .spike_triggered_figure import spike_triggered_figure as spike_triggered_figure
from .weights_figure import weights_figure as weights_figure
from .worst_trials import worst_figure as worst_figure
from .worst_trials import worst_trials as worst_trials
