import numpy as np
import pytest


@pytest.fixture
def write_edges():
    """Writes edges in the layout of SONATA: a population, its ids and attributes, all in edge group 0."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    pytest.importorskip("libsonata", reason="libsonata is not installed")

    def write(path, pre, post, population="cells__cells", nodes=("cells", "cells"), **attributes):
        with h5py.File(path, "a") as file:
            group, n = file.create_group(f"edges/{population}"), len(pre)
            for end, ids, of in zip(("source", "target"), (pre, post), nodes, strict=True):
                column = group.create_dataset(f"{end}_node_id", data=np.array(ids, "u8"))
                column.attrs["node_population"] = of
            for name, values in (("type_id", np.zeros(n)), ("group_id", np.zeros(n)), ("group_index", np.arange(n))):
                group[f"edge_{name}"] = values.astype("u8")
            group.create_group("0")
            for name, values in attributes.items():
                group[f"0/{name}"] = values
        return path

    return write
