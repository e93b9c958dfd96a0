# The stage's public names, loaded when they are first asked for.
from . import inside as inside
from .fitting.fit import fit as fit
from .fitting.live_plan import LivePlan as LivePlan
from .fitting.recipe import FitConfig as FitConfig
from .fitting.recipe import paper as paper
from .fitting.recipe import quick as quick
from .network.run import run_population as run_population
from .network.sonata import connections_from_sonata as connections_from_sonata
from .population.population import Population as Population
from .population.spike_formats import spikes_to_neo as spikes_to_neo
from .population.spike_formats import spikes_to_sonata as spikes_to_sonata
from .sweep.generalise import generalise as generalise
from .use.checkpoint import Surrogate as Surrogate
from .use.export import export as export
from .use.predict import predict as predict
