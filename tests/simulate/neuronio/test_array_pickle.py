"""A pickle of arrays comes back as NumPy reads it; a pickle that asks for anything else is named and nothing runs."""

import builtins
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from apical.simulate.neuronio import array_pickle
from apical.simulate.schema import InputError


class Call:
    """Pickles as a call of `function`: what an attacker writes."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def by_hand(module, name, build=b"", protocol=2):
    """A pickle that names `module`.`name` in the notation of `protocol`, then goes on with `build`."""
    if protocol < 4:
        named = f"c{module}\n{name}\n".encode()
    else:
        short = [b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)]
        named = b"".join(short) + b"\x93"
    return b"\x80" + bytes([protocol]) + named + build + b"."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_what_numpy_reads(tmp_path, protocol):
    content = {
        "half": np.linspace(-80, 40, 7).astype("f2"),
        "wide": np.arange(12, dtype=">i4").reshape(3, 4),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "flags": np.array([True, False]),
        "none": np.array([], dtype="f2"),
        "scalars": [np.int64(5), np.float16(2454.0), np.bool_(True), 3, 2.5, "text", None, (1, 2)],
    }
    path = tmp_path / "arrays.p"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = array_pickle.load(path)
    assert found.keys() == content.keys()
    assert found["scalars"] == content["scalars"]
    for name in ("half", "wide", "columns", "flags", "none"):
        array = np.asarray(found[name])
        assert array.dtype == content[name].dtype
        np.testing.assert_array_equal(array, content[name])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_lists_of_numbers_as_they_are(tmp_path, protocol):
    """Lists of NumPy integers are read in one step where they can be, with all that may stand beside and after them."""
    rng = np.random.default_rng(0)
    rows = rng.integers(-(2**40), 2**40, (20, 30))
    content = {
        "first": list(np.arange(3)),  # here the callables are named, later they are fetched
        "lists": [list(row) for row in rows],
        "edges": list(np.array([0, 127, 128, 255, 256, -1, 2**62, -(2**63)])),
        "one": [np.int64(200)],
        "none": [],
        "mixed": [np.int64(1), 2, np.int64(3), 2.5, "text"],
        "long": list(np.arange(2500)),  # picklers break lists after a thousand
        "narrow": list(np.arange(5, dtype="i2")),
        "floats": list(np.linspace(0, 1, 5)),
        "after": [1, 2, (3, "after")],
    }
    content["same"] = content["lists"][3]  # a list that is fetched again
    path = tmp_path / "lists.p"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = array_pickle.load(path)
    assert found.keys() == content.keys()
    for name in content.keys() - {"lists"}:
        assert list(found[name]) == content[name], name
    assert [list(row) for row in found["lists"]] == rows.tolist()
    if protocol in (2, 3, 4, 5):
        assert all(isinstance(row, np.ndarray) for row in found["lists"])


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_number_of_a_list_that_is_fetched_again(tmp_path, protocol):
    numbers = list(np.arange(1000, 1020))
    content = {"first": list(np.arange(3)), "numbers": numbers, "again": numbers[7], "key": {numbers[9]: numbers}}
    path = tmp_path / "again.p"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = array_pickle.load(path)
    assert found["again"] == 1007
    assert list(found["key"][1009]) == list(range(1000, 1020))


@pytest.mark.parametrize("protocol", [2, 3, 5])
def test_large_arrays_stay_in_the_file_until_asked_for(tmp_path, protocol):
    path = tmp_path / "large.p"
    large = np.random.default_rng(0).integers(256, size=(8, 1 << 20), dtype="u1")
    path.write_bytes(pickle.dumps({"large": large, "small": np.arange(4)}, protocol=protocol))
    tracemalloc.start()
    found = array_pickle.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20
    np.testing.assert_array_equal(np.asarray(found["large"]), large)
    assert np.asarray(found["small"]).tolist() == [0, 1, 2, 3]
    path.write_bytes(path.read_bytes()[: 1 << 20])
    with pytest.raises(ValueError):
        np.asarray(found["large"])
    with pytest.raises(InputError, match="truncated"):
        array_pickle.load(path)


def test_reads_what_python_2_wrote(tmp_path):
    """Python 2's strings are bytes (opcode U) and its builtins have another name."""
    raw = np.array([2454.0, 4124.0], "<f2").tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02tcnumpy\ndtype\n"
        b"(U\x02f2K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04" + raw + b"tb"
    )
    path = tmp_path / "two.p"
    path.write_bytes(b"\x80\x02}U\x05times" + array + b"s.")
    assert np.asarray(array_pickle.load(path)["times"]).tolist() == [2454.0, 4124.0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "function",
    [os.system, eval, exec, open, getattr, __import__, np.load, np.fromfile, np.memmap, np.frombuffer, pickle.loads],
    ids=lambda function: function.__name__,
)
def test_a_call_is_named_and_not_made(tmp_path, protocol, function):
    trace = tmp_path / "it_ran"
    path = tmp_path / "evil.p"
    call = Call(function, f"touch {trace}" if function is os.system else f"open({str(trace)!r}, 'w')", "w")
    path.write_bytes(pickle.dumps({"Params": call}, protocol=protocol))
    with pytest.raises(InputError, match=rf"evil\.p: asks to run [\w.]*{function.__name__}, .*was not run") as caught:
        array_pickle.load(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("module", "name", "protocol"),
    [
        ("posix", "system", 0),
        ("__builtin__", "eval", 2),
        ("__builtin__", "execfile", 2),
        ("builtins", "eval", 4),
        ("numpy", "ndarray.tofile", 4),  # dotted names reach attributes from protocol 4 on
        ("numpy", "core.multiarray.fromfile", 4),
        ("numpy.core.multiarray", "fromfile", 2),
        ("numpy.core.numeric", "loads", 2),
        ("numpy.testing._private.utils", "runstring", 2),
        ("numpy.f2py", "compile", 2),
        ("numpy.distutils.exec_command", "exec_command", 2),
        ("_codecs", "lookup", 2),
        ("no_such_module_\x1b[2J", "name", 4),
    ],
)
def test_a_name_alone_is_refused(tmp_path, module, name, protocol):
    path = tmp_path / "evil.p"
    path.write_bytes(by_hand(module, name, protocol=protocol))
    with pytest.raises(InputError, match="was not run") as caught:
        array_pickle.load(path)
    assert str(caught.value).isprintable()


def test_importing_is_running_too(tmp_path, monkeypatch):
    """No module is imported for a name in a pickle, not even for an allowed one."""
    (tmp_path / "innocent.py").write_text(f"open({str(tmp_path / 'it_ran')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "evil.p"
    path.write_bytes(by_hand("innocent", "thing"))
    with pytest.raises(InputError, match=r"innocent\.thing"):
        array_pickle.load(path)
    assert not (tmp_path / "it_ran").exists()

    path.write_bytes(pickle.dumps(np.arange(3), protocol=2))
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", lambda *a, **k: pytest.fail(f"imported {a[0]}"))
        found = array_pickle.load(path)
    assert np.asarray(found).tolist() == [0, 1, 2]


def test_a_codec_is_not_looked_up(tmp_path):
    path = tmp_path / "evil.p"
    path.write_bytes(by_hand("_codecs", "encode", b"(X\x01\x00\x00\x00aX\x04\x00\x00\x00zlibtR"))
    with pytest.raises(InputError, match="codec 'zlib', which was not loaded"):
        array_pickle.load(path)


@pytest.mark.parametrize("code", ["O", "O8", "V8", "S4", "U4", "M8[ns]", "i4,i4", "c16"])
def test_only_plain_numbers(tmp_path, code):
    path = tmp_path / "evil.p"
    path.write_bytes(pickle.dumps(np.zeros(2, dtype=code), protocol=2))
    with pytest.raises(InputError, match="only numbers and booleans are read"):
        array_pickle.load(path)


def test_a_forged_dtype_does_not_make_pointers(tmp_path):
    """NumPy's own dtype takes any state: these bytes, read with type O and no object flag, crash NumPy 2.4.6."""
    state = (3, "|", None, None, None, -1, -1, 0)
    forged = pickle.dumps(state, protocol=2)[2:-1]
    dtype = b"cnumpy\ndtype\n(X\x02\x00\x00\x00%bI00\nI01\ntR" + forged + b"b"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tX\x01\x00\x00\x00btR"
        b"(K\x01(K\x01t%bI00\nC\x08" + struct.pack("<Q", 0xDEADBEEF) + b"tb"
    )
    path = tmp_path / "evil.p"
    path.write_bytes(b"\x80\x03" + array % (dtype % b"O8") + b".")
    with pytest.raises(InputError, match="only numbers and booleans are read"):
        array_pickle.load(path)

    fields = (3, "<", None, ("a",), {"a": 0}, 8, 1, 0)
    dtype = dtype.replace(forged, pickle.dumps(fields, protocol=2)[2:-1])
    path.write_bytes(b"\x80\x03" + array % (dtype % b"i8") + b".")
    with pytest.raises(InputError, match="only numbers and booleans are read"):
        array_pickle.load(path)


def test_one_pickle_does_not_change_how_the_next_is_read(tmp_path):
    """BUILD sets attributes on what a pickle got hold of; nothing it can get hold of takes one."""
    good = pickle.dumps({"n": np.int64(7), "a": np.arange(3)}, protocol=2)
    for module, name in [
        ("numpy.core.multiarray", "scalar"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("_codecs", "encode"),
    ]:
        for attribute in (b"__defaults__", b"__code__", b"__setstate__", b"array"):
            slots = b"(N}U" + bytes([len(attribute)]) + attribute + b"K\x01stb"
            path = tmp_path / "evil.p"
            path.write_bytes(by_hand(module, name, slots))
            with pytest.raises(InputError):
                array_pickle.load(path)
    path = tmp_path / "good.p"
    path.write_bytes(good)
    found = array_pickle.load(path)
    assert found["n"] == 7
    assert np.asarray(found["a"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated pickle"),
        (pickle.dumps({"a": np.arange(1000)}, protocol=2)[:-400], "truncated pickle"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "not a pickle of arrays"),
        (b"not a pickle\nat all\n", "not a pickle of arrays"),
        (b"\x80\x02K\x01K\x02R.", "not a pickle of arrays"),  # calls the number 1
        (b"\x80\x02P1\n.", "not a pickle of arrays"),  # a persistent id
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, content, message):
    path = tmp_path / "damaged.p"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"damaged\.p: {message}|damaged\.p: a {message}") as caught:
        array_pickle.load(path)
    assert str(caught.value).isprintable()


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.p: cannot be read \(No such file"):
        array_pickle.load(tmp_path / "nothing.p")
    with pytest.raises(InputError, match="cannot be read"):
        array_pickle.load(tmp_path)


@pytest.mark.parametrize("double", [lambda x: [x, x], lambda x: (x, x), lambda x: {"a": x, "b": x}, lambda x: [[x], x]])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_what_grows_by_references_to_itself_is_refused_before_it_is_looked_at(tmp_path, monkeypatch, double, protocol):
    """A small doubling against a small bound: the number of entries is the power of two that theory says."""
    path, content = tmp_path / "doubled.p", [1, 2]
    for _ in range(6):
        content = double(content)
    path.write_bytes(pickle.dumps(content, protocol))
    assert array_pickle.load(path) == content
    monkeypatch.setattr(array_pickle, "MOST_ENTRIES", 2**7)  # 2 + 4 + … + 128 are more
    with pytest.raises(InputError, match="more than 128 entries, by references to itself"):
        array_pickle.load(path)
    assert array_pickle._check_entries([[1, 2]] * 32) is None  # 32 + 32 × 2


def test_deep_and_endless_containers_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(array_pickle, "DEEPEST", 4)
    within = [[[[1]]]]
    endless = [1]
    endless.append(endless)
    shared = [[[1]]]
    for content, message in (
        (within, None),
        ([within], "4 in one another"),
        (endless, "4 in one"),
        (
            [shared, [[shared]]],
            "4 in one another",  # once shallow, once deep
        ),
    ):
        path = tmp_path / "deep.p"
        path.write_bytes(pickle.dumps(content))
        if message is None:
            assert array_pickle.load(path) == content
            continue
        with pytest.raises(InputError, match=message):
            array_pickle.load(path)


@pytest.mark.parametrize("content", [{(1, 2): 3}, {1: 2, (1,): 3, 4: 5}, {frozenset([1])}, {(1, 2)}, frozenset([(1,)])])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_keys_with_parts_are_refused(tmp_path, content, protocol):
    """A key of parts is looked at part by part, each time that it is looked up."""
    path = tmp_path / "keys.p"
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(InputError, match=r"a key that is no text and no number|asks to run"):
        array_pickle.load(path)


def test_what_a_message_names_is_not_written_out(tmp_path):
    codec, dtype = [["latin1"]], (("f8",),)
    for build, message in (
        (pickle.dumps(("a", codec), 2)[2:-1] + b"R", "codec list, which"),
        (pickle.dumps((dtype,), 2)[2:-1] + b"R", "type tuple; only"),
    ):
        module, name = ("_codecs", "encode") if "codec" in message else ("numpy", "dtype")
        path = tmp_path / "named.p"
        path.write_bytes(by_hand(module, name, build))
        with pytest.raises(InputError, match=message):
            array_pickle.load(path)
