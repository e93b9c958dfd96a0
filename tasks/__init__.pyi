# The stage's public names, loaded when they are first asked for.
from .fitting.fit import fit_task as fit_task
from .fitting.network_export import export_network as export_network
from .fitting.network_export import load_network as load_network
from .fitting.predict import answer as answer
from .fitting.predict import read_through as read_through
from .fitting.recipe import TaskFit as TaskFit
from .fitting.recipe import recipe as recipe
from .loader import Batches as Batches
from .schema import open_task as open_task
from .text import Text as Text
from .toy import toy as toy
