"""The front door, `apical ...`: parses, calls one function of a stage, prints."""

if __name__ != "apical.cli":
    raise ImportError("import apical.cli, not cli: run 'pip install -e .' (or 'pixi install') first")
