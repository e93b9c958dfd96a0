"""Pathfinder: geometry of the snakes, and that no statistic of single pixels tells the label."""

import numpy as np
import pytest

from apical.simulate.schema import InputError
from apical.tasks.sources import paddles, pathfinder
from apical.tasks.sources.lra_pictures import import_pathfinder


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [pathfinder.picture(rng, pathfinder.SETTINGS[32]) for _ in range(24)]


def test_settings_are_the_published_ones():
    """lra_benchmarks/data/pathfinder.py, and facts of the LRA: 14 paddles, a third of that for distractors."""
    assert pathfinder.SETTINGS[32][1:] == (2, 0.5, (1,), 1.5, 7, 1.0, 5, 2.0, 0.75)
    assert pathfinder.SETTINGS[64][1:] == (5, 1.0, (1,), 2.5, 12, 1.8, 5, 0.8, 1.0)
    assert pathfinder.SETTINGS[128][1:] == (5, 1.5, (2, 3), 3.0, 20, 1.8, 8, 0.9, 1.0)
    assert (pathfinder.SEGMENTS, pathfinder.DISTRACTOR) == (14, 4)
    assert sum(pathfinder.PUBLISHED.values()) == 200_000


def test_snakes_have_14_paddles_that_follow_one_another(pictures):
    """From a paddle's tip to the next one: its length and twice the margin, less where it bends, and rounding."""
    for each in pictures:
        assert each.ends.shape == (2, 14, 2)
        step = np.linalg.norm(np.diff(each.ends[:, 1:], axis=1), axis=2)
        assert step.max() <= 2 + 2 + 3 and np.median(step) >= 3
        assert abs(np.linalg.norm(each.ends[0, 0] - each.ends[1, 0]) - 7) <= 1  # the seeds


def test_discs_are_where_the_label_says(pictures):
    """Nine pixels around an end are bright under a disc; under a paddle alone, which is thin, hardly ever."""

    def least(each, end):
        y, x = end
        return each.pixel_yx[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].min()

    right, wrong = [], []
    for each in pictures:
        around = {
            (a, b): min(least(each, each.ends[a, 0]), least(each, each.ends[b, -1])) for a in (0, 1) for b in (0, 1)
        }
        together, apart = max(around[0, 0], around[1, 1]), max(around[0, 1], around[1, 0])
        right.append(together if each.label else apart)
        wrong.append(apart if each.label else together)
    assert min(right) > 40
    assert np.mean(np.array(wrong) > 40) < 0.3


def test_a_paddle_keeps_off_others():
    """Masks of a straight paddle: as long as it is, and the margin around it."""
    drawn = paddles.stroke(0.0, 5, 1.5, 2)
    y, x = np.nonzero(drawn.mask > 0.5)
    assert drawn.mask.shape == drawn.bright.shape == (19, 19)
    assert np.ptp(x) + 1 == pytest.approx(5 + 2 * 2 + 1, abs=1) and np.ptp(y) + 1 == pytest.approx(2 * 2 + 1.5, abs=1.5)
    assert drawn.bright.max() == pytest.approx(1, abs=0.2)
    upright = paddles.stroke(np.pi / 2, 5, 1.5, 2)
    assert np.abs(upright.bright.T - drawn.bright).mean() < 0.02


@pytest.mark.slow
def test_no_pixel_tells_the_label():
    """Sums of pixels, means of each and a linear classifier on all of them stay at chance on new pictures."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    made = [pathfinder.picture(rng, pathfinder.SETTINGS[32]) for _ in range(210)]
    label = np.array([each.label for each in made])
    image = np.array([each.pixel_yx.reshape(-1) for each in made]) / 255
    assert abs(label.sum() - 105) < 4 * np.sqrt(210 / 4)
    for statistic in (image.sum(axis=1), (image > 0.2).sum(axis=1), image.max(axis=1), image.std(axis=1)):
        one, other = statistic[label == 1], statistic[label == 0]
        spread = np.sqrt(one.var() / len(one) + other.var() / len(other))
        assert abs(one.mean() - other.mean()) < 4 * spread + 1e-12
    classifier = LogisticRegression(C=0.01, max_iter=500).fit(image[:140], label[:140])
    assert abs(classifier.score(image[140:], label[140:]) - 0.5) < 4 * np.sqrt(0.25 / 70)
    lengths = [np.linalg.norm(np.diff(each.ends[0], axis=0), axis=1).sum() for each in made]
    apart = [np.linalg.norm(np.diff(each.ends[0], axis=0), axis=1).sum() for each in made if not each.label]
    assert abs(np.mean(apart) - np.mean(lengths)) < 4 * np.std(lengths) / np.sqrt(len(apart))
    assert 13 * 3 < np.mean(lengths) < 13 * 5


def test_a_task_is_written_and_depends_on_its_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(pathfinder, "PER_BLOCK", 4)
    sizes = {"train": 8, "validation": 2, "test": 2, "workers": 1}
    ds = pathfinder.make_pathfinder(tmp_path / "a.zarr", **sizes, seed=1).load()
    assert ds.sizes["position"] == 12 * 1024 and ds.value.dtype == np.uint8
    assert ds.split.values.tolist() == ["train"] * 8 + ["validation"] * 2 + ["test"] * 2
    assert ds.value.values.reshape(12, -1).max(axis=1).tolist() == [255] * 12
    assert ds.equals(pathfinder.make_pathfinder(tmp_path / "b.zarr", **sizes, seed=1).load())
    with pytest.raises(InputError, match="pixels is 33, expected one of 32, 64, 128"):
        pathfinder.make_pathfinder(tmp_path / "c.zarr", 33)


def test_path_x_is_drawn(monkeypatch):
    made = pathfinder.picture(np.random.default_rng(3), pathfinder.SETTINGS[128])
    assert made.pixel_yx.shape == (128, 128) and made.pixel_yx.max() == 255
    assert abs(np.linalg.norm(made.ends[0, 0] - made.ends[1, 0]) - 20) <= 1
    assert 0.01 < (made.pixel_yx > 60).mean() < 0.15


def test_the_released_pictures_are_read(tmp_path):
    from PIL import Image

    folder = tmp_path / "curv_contour_length_14"
    (folder / "imgs" / "0").mkdir(parents=True)
    (folder / "metadata").mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(20, 32, 32)).astype("u1")
    lines = []
    for at, image in enumerate(images):
        Image.fromarray(image).save(folder / "imgs" / "0" / f"sample_{at}.png")
        lines.append(f"imgs/0 sample_{at}.png {at} {at % 2} 1.0 14 4 2 0.5 1 1")
    (folder / "metadata" / "0.npy").write_text("\n".join(lines) + "\n")
    ds = import_pathfinder(folder, tmp_path / "p.zarr")
    found = ds.value.values.reshape(20, 32, 32)
    place = [next(at for at, image in enumerate(images) if np.array_equal(image, each)) for each in found]
    assert sorted(place) == [*range(20)] and [at % 2 for at in place] == ds.label.values.tolist()
    assert ds.split.values.tolist() == ["train"] * 16 + ["validation"] * 2 + ["test"] * 2
    (folder / "imgs" / "0" / "sample_3.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"sample_3.png: cannot be read as PNG"):
        import_pathfinder(folder, tmp_path / "q.zarr")
    (folder / "metadata" / "0.npy").write_text("imgs/0 sample_0.png 0 2\n")
    with pytest.raises(InputError, match=r"0.npy: line 1 is .*, expected folder, file, number and 0 or 1"):
        import_pathfinder(folder, tmp_path / "q.zarr")
    with pytest.raises(InputError, match="holds no list of pictures"):
        import_pathfinder(tmp_path, tmp_path / "q.zarr")
