"""Small files in the layout of the published ones: Fashion-MNIST, IMDB, AAN, CIFAR-10, enwik8, and any text."""

import gzip
import struct

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks import Batches, Text
from apical.tasks.schema import class_names, vocabulary
from apical.tasks.sources import fashion, lra_pictures, lra_text, text


def words(ds, sequence, end=""):
    token = ds["token" + end].values[slice(*ds["start" + end].values[sequence : sequence + 2])]
    return "".join(np.array(vocabulary(ds))[token])


def idx(path, values, magic):
    head = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
    path.write_bytes(gzip.compress(head + values.tobytes()))


@pytest.fixture
def clothes(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("train", 30), ("t10k", 20)):
        idx(tmp_path / f"{name}-images-idx3-ubyte.gz", rng.integers(256, size=(n, 28, 28)).astype("u1"), 0x803)
        idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", (np.arange(n) % 10).astype("u1"), 0x801)
    return tmp_path


def test_fashion_is_its_pixels_row_by_row(clothes):
    ds = fashion.make_fashion(clothes / "f.zarr", clothes)
    pictures = np.random.default_rng(0).integers(256, size=(30, 28, 28)).astype("u1")
    assert np.array_equal(ds.value.values[: 30 * 784].reshape(30, 28, 28), pictures)
    assert ds.split.values.tolist() == ["train"] * 30 + ["test"] * 20 and ds.label.values[13] == 3
    x_btc = Batches(ds, "test", batch=20).draw(0).inputs.dense()
    assert x_btc.shape == (20, 784, 1) and x_btc.min() >= 0 and x_btc.max() <= 1
    assert fashion.make_fashion(clothes / "g.zarr", clothes, train=10, test=10).sizes["sequence"] == 20


@pytest.mark.skipif(not fashion.FOLDER.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_debian_s_files_are_those(tmp_path):
    ds = fashion.make_fashion(tmp_path / "f.zarr", train=500, test=100)
    assert ds.label.values[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # as its authors print them


def test_idx_files_that_are_wrong(clothes):
    with pytest.raises(InputError, match="'apt-get install dataset-fashion-mnist' brings it, or name its folder"):
        fashion.make_fashion(clothes / "f.zarr", clothes / "none")
    path = clothes / "train-labels-idx1-ubyte.gz"
    idx(path, np.zeros((30, 1), "u1"), 0x802)
    with pytest.raises(InputError, match="is no idx file of 1 dims of bytes, or is cut off"):
        fashion.make_fashion(clothes / "f.zarr", clothes)
    idx(path, np.zeros(29, "u1"), 0x801)
    with pytest.raises(InputError, match="train has 30 pictures and 29 labels"):
        fashion.make_fashion(clothes / "f.zarr", clothes)
    idx(path, np.full(30, 10, "u1"), 0x801)
    with pytest.raises(InputError, match="variable 'label' of sequence 0 is 10, expected 0 to 9"):
        fashion.make_fashion(clothes / "f.zarr", clothes)
    path.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be unpacked"):
        fashion.make_fashion(clothes / "f.zarr", clothes)


def test_reviews_are_characters_that_training_knows(tmp_path):
    for split, letter in (("train", "a"), ("test", "b")):
        for name, ending in (("neg", "!"), ("pos", "?")):
            folder = tmp_path / "aclImdb" / split / name
            folder.mkdir(parents=True)
            for at in range(20):
                (folder / f"{at}_1.txt").write_text(letter * 3 + "ä" * (5000 if at == 7 else 1) + ending)
    ds = lra_text.import_text(tmp_path / "aclImdb", tmp_path / "t.zarr")
    assert vocabulary(ds) == ["\N{REPLACEMENT CHARACTER}", "!", "?", "a", "ä"]
    assert words(ds, 0) == "aaaä!" and words(ds, 41) == "\N{REPLACEMENT CHARACTER}" * 3 + "ä!"
    assert ds.label.values[[0, 20, 40, 60]].tolist() == [0, 1, 0, 1] and class_names(ds) == ["negative", "positive"]
    assert np.diff(ds.start.values).max() == 4000
    with pytest.raises(InputError, match=r"train/neg: holds no .txt; name the folder aclImdb"):
        lra_text.import_text(tmp_path, tmp_path / "u.zarr")


def test_pairs_of_papers_are_two_towers(tmp_path):
    for name in ("train", "eval", "test"):
        pairs = [f"{float(at % 2)}\t{at}\t{at + 1}\t{'abc' * 9} {name}\t{'xyz' * (at + 3)}" for at in range(8)]
        (tmp_path / f"new_aan_pairs.{name}.tsv").write_text("\n".join(pairs) + "\n")
    ds = lra_text.import_retrieval(tmp_path, tmp_path / "r.zarr")
    assert ds.attrs["towers"] == 2 and ds.sizes["sequence"] == 24
    assert words(ds, 1).startswith("abcabc") and words(ds, 1, "_2") == "xyz" * 4
    assert np.unique(ds.split.values.astype("U16")).tolist() == ["test", "train", "validation"]
    batch = Batches(ds, "validation", batch=8).draw(0)
    assert batch.label_b.tolist() == [0, 1] * 4 and batch.second.length_b.tolist() == [9 + 3 * at for at in range(8)]
    (tmp_path / "new_aan_pairs.eval.tsv").write_text("2\t1\t2\tx\ty\n")
    with pytest.raises(InputError, match=r"new_aan_pairs.eval.tsv: line 1 has label '2', expected 0 or 1"):
        lra_text.import_retrieval(tmp_path, tmp_path / "s.zarr")
    (tmp_path / "new_aan_pairs.eval.tsv").write_text("1\t1\tx\ty\n")
    with pytest.raises(InputError, match="line 1 has 4 fields between tabs, expected 5"):
        lra_text.import_retrieval(tmp_path, tmp_path / "s.zarr")
    (tmp_path / "new_aan_pairs.eval.tsv").unlink()
    with pytest.raises(InputError, match=r"new_aan_pairs.eval.tsv: cannot be read"):
        lra_text.import_retrieval(tmp_path, tmp_path / "s.zarr")


def test_cifar_is_grey(tmp_path):
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    colours = {name: rng.integers(256, size=(20, 3, 32, 32)).astype("u1") for name in names}
    label = (np.arange(20) % 10).astype("u1")
    for name, colour in colours.items():
        (tmp_path / name).write_bytes(np.column_stack([label, colour.reshape(20, -1)]).tobytes())
    ds = lra_pictures.import_image(tmp_path, tmp_path / "i.zarr")
    red, green, blue = colours["data_batch_2.bin"][3].astype(float)
    grey = np.rint(0.2989 * red + 0.5870 * green + 0.1140 * blue)
    assert np.array_equal(ds.value.values.reshape(120, 32, 32)[23], grey)
    assert ds.split.values.tolist() == ["train"] * 90 + ["validation"] * 10 + ["test"] * 20
    assert Batches(ds, "test", batch=4, levels=16).draw(0).inputs.shape == (4, 1024, 16)
    (tmp_path / "data_batch_4.bin").write_bytes(bytes(3074))
    with pytest.raises(InputError, match=r"data_batch_4.bin: has 3074 bytes, expected a multiple of 3073"):
        lra_pictures.import_image(tmp_path, tmp_path / "j.zarr")
    (tmp_path / "data_batch_4.bin").write_bytes(bytes([200]) + bytes(3072))
    with pytest.raises(InputError, match="picture 0 has label 200, expected 0 to 9"):
        lra_pictures.import_image(tmp_path, tmp_path / "j.zarr")
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(InputError, match=r"CIFAR-10's binary version \(cifar-10-binary.tar.gz\) has it"):
        lra_pictures.import_image(tmp_path, tmp_path / "j.zarr")


def test_text_is_its_characters(tmp_path):
    first, second = "abäc" * 300, "dé" * 40
    (tmp_path / "a.txt").write_text(first + "q")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(second.encode()))
    ds = text.make_characters([tmp_path / "a.txt", tmp_path / "b.txt.gz"], tmp_path / "t.zarr")
    whole = "".join(words(ds, split) for split in range(3))
    assert whole == first + "\N{REPLACEMENT CHARACTER}" * 2 + second  # q and the line break are too rare
    n = len(whole)
    assert np.diff(ds.start.values).tolist() == [int(0.9 * n), int(0.95 * n) - int(0.9 * n), n - int(0.95 * n)]
    assert next(iter(Text(ds, batch=4, window=50))).next_bt.shape == (4, 50)
    (tmp_path / "short.txt").write_text("ab")
    for file, said in (("short.txt", "has 2 characters, too few"), ("none.txt", "cannot be read")):
        with pytest.raises(InputError, match=said):
            text.make_characters([tmp_path / file], tmp_path / "u.zarr")


def test_bytes_of_wikipedia(tmp_path):
    data = np.random.default_rng(0).choice([10, 32, 97, 195, 164], 5000).astype("u1")
    (tmp_path / "enwik8").write_bytes(data.tobytes())
    ds = text.import_enwik8(tmp_path / "enwik8", tmp_path / "e.zarr")
    assert vocabulary(ds) == ["\\x0a", " ", "a", "\\xa4", "\\xc3"]
    assert np.array_equal(np.array([10, 32, 97, 164, 195])[ds.token.values], data)
    assert np.diff(ds.start.values).tolist() == [4500, 250, 250]
    assert ds.attrs["title"] == "bytes of enwik8"  # which has 100,000,000
