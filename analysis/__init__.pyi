# The stage's public names, loaded when they are first asked for.
from . import inside as inside
from .comparison.compare import compare as compare
from .comparison.comparison_table import comparison_table as comparison_table
from .comparison.comparison_table import difference_table as difference_table
from .comparison.literature import published_scores as published_scores
from .pages.fidelity import fidelity_figure as fidelity_figure
from .pages.inspect import inspect_figure as inspect_figure
from .pages.inspect import summary as summary
from .plots import plot_trial as plot_trial
from .report.report import write_report as write_report
from .scores.evaluate import Evaluation as Evaluation
from .scores.evaluate import evaluate as evaluate
from .scores.files import read_scores as read_scores
from .scores.files import write_scores as write_scores
from .style import save_figure as save_figure
