"""Where model cards of runs that apical 0.1 wrote import Surrogate from."""

from .use.checkpoint import Surrogate as Surrogate
