"""What `apical presets fit` prints: the sizes of each family, and every setting that --set replaces."""

from __future__ import annotations

from typing import Any


def print_fit_settings(as_json: bool) -> None:
    """Print sizes, settings with their values in either recipe, and options of the models, as tables or JSON."""
    from ..surrogate.fitting.recipe import settings_in_words
    from ..surrogate.models.families import options_in_words
    from ..surrogate.models.sizes import SIZES
    from .tables import print_json, print_table

    settings, options = settings_in_words(), options_in_words()
    if as_json:
        sizes = {family: {"about": size.about, "default": size.default} for family, size in SIZES.items()}
        print_json(
            {
                "sizes": sizes,
                "settings": [each._asdict() for each in settings],
                "options": [each._asdict() for each in options],
            }
        )
        return
    print_table(
        "Sizes (--size)", ["model", "default", "what it is"], [(f, s.default, s.about) for f, s in SIZES.items()], 3
    )
    rows = [(s.name, _short(s.quick), _short(s.paper), s.about) for s in settings]
    print_table(
        "Settings (--set FIELD=VALUE), and what they are for an elm", ["field", "quick", "paper", "what it is"], rows, 4
    )
    rows = [(f"options.{o.name}", o.family, _short(o.default), o.about) for o in options]
    print_table("Options of a model (--set FIELD=VALUE)", ["field", "model", "default", "what it is"], rows, 4)


def _short(value: Any) -> str:
    """
    >>> _short(None), _short(0.0005), _short(350000), _short({}), _short(True)
    ('none', '0.0005', '350000', '', 'true')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value) if value not in ({}, ()) else ""
