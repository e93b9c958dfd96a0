"""Tables in files: columns as they were written, and a line for what is none."""

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array, save_npz

from apical.simulate.schema import InputError
from apical.surrogate.network.tables import is_matrix, read_columns, read_matrix


def test_csv(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\ufeffpre, post,weight\r\n0,1,0.5\r\n\r\n2,0,1\r\n")
    table = read_columns(path)
    assert {name: (values.tolist(), values.dtype.kind) for name, values in table.items()} == {
        "pre": ([0, 2], "i"),
        "post": ([1, 0], "i"),
        "weight": ([0.5, 1.0], "f"),
    }


def test_csv_of_a_single_row_or_column_and_without_rows(tmp_path):
    path = tmp_path / "table.csv"
    for text, expected in (
        ("pre,post\n3,4\n", {"pre": [3], "post": [4]}),
        ("pre\n3\n4\n", {"pre": [3, 4]}),
        ("pre,post\n", {"pre": [], "post": []}),
    ):
        path.write_text(text)
        assert {name: values.tolist() for name, values in read_columns(path).items()} == expected


def test_npz(tmp_path):
    np.savez(tmp_path / "table.npz", pre=[1, 2], weight=[0.5, np.nan])
    table = read_columns(tmp_path / "table.npz")
    assert table["pre"].tolist() == [1, 2] and np.isnan(table["weight"][1])
    assert not is_matrix(tmp_path / "table.npz")


@pytest.mark.parametrize("form", [coo_array, csr_array])
def test_matrix(tmp_path, form):
    matrix = np.array([[0, 1.5, 0], [-2, 0, 0]])
    save_npz(tmp_path / "matrix.npz", form(matrix))
    assert is_matrix(tmp_path / "matrix.npz")
    assert np.array_equal(read_matrix(tmp_path / "matrix.npz").todense(), matrix)


BAD_CSV = [
    ("", "0 columns under the header"),
    ("pre,post\n1,2,3\n", "3 columns under the header pre,post"),
    ("pre,pre\n1,2\n", "2 columns under the header pre,pre"),
    ("pre,post\n1,x\n", "could not convert string 'x' to float64 at row 0, column 2"),
    ("pre,post\n1,2\n3\n", "number of columns changed"),
]


@pytest.mark.parametrize("text, told", BAD_CSV)
def test_bad_csv(tmp_path, text, told):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"table\.csv: the table cannot be read \(.*{told}"):
        read_columns(path)


def test_bad_archives(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "objects.npz", pre=np.array([{}], object))
    for name in ("none.npz", "text.npz", "objects.npz"):
        assert not is_matrix(tmp_path / name)
        with pytest.raises(InputError, match=rf"{name}: the table cannot be read"):
            read_columns(tmp_path / name)
    with pytest.raises(InputError, match=r"a table is a \.csv with a header or a \.npz of arrays"):
        read_columns(tmp_path / "table.parquet")
    wrong = {"indices": [0, 9], "indptr": [0, 1, 2], "format": b"csr", "shape": [2, 2], "data": [1.0, 2.0]}
    np.savez(tmp_path / "wrong.npz", **wrong)
    with pytest.raises(InputError, match=r"wrong\.npz: no sparse matrix that SciPy reads"):
        read_matrix(tmp_path / "wrong.npz")
