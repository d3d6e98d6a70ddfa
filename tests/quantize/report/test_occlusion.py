import numpy as np
import pytest

from quantize.report.occlusion import BUDGET_MACS, covered, occlusion_maps, plan_grid


def test_a_model_that_looks_at_one_corner_has_a_map_of_that_corner() -> None:
    sample = np.zeros((1, 16, 16, 1), np.float32)
    sample[0, :2, :2] = 1.0

    def looks_at_the_corner(samples: np.ndarray) -> np.ndarray:
        seen = samples[:, :2, :2].sum(axis=(1, 2, 3))
        return np.stack([np.zeros_like(seen), seen], axis=1)

    def sees_half(samples: np.ndarray) -> np.ndarray:
        return looks_at_the_corner(samples) / 2

    (found,) = occlusion_maps(sample, [7], (looks_at_the_corner, sees_half), 1000)

    mean = 4 / 256
    expected = np.zeros((8, 8))
    expected[0, 0] = 4 - 4 * mean
    assert (found.sample, found.column) == (7, 1)
    np.testing.assert_allclose(found.float_map, expected, atol=1e-5)
    np.testing.assert_allclose(found.int8_map, expected / 2, atol=1e-5)


def test_every_pixel_is_covered_once() -> None:
    sample = np.arange(7 * 9, dtype=np.float32).reshape(7, 9, 1)

    copies = covered(sample, 4)

    assert copies.shape == (16, 7, 9, 1)
    covers = (copies != sample) | (sample == sample.mean())
    assert (covers.sum(axis=0) >= 1).all()


@pytest.mark.parametrize(
    ("macs", "wanted"), [(0, (8, 4)), (7_500_000, (8, 4)), (15_000_000, (6, 4)), (10**9, (4, 1))]
)
def test_a_costlier_model_gets_a_coarser_grid_and_fewer_samples(
    macs: int, wanted: tuple[int, int]
) -> None:
    cells, samples = plan_grid(macs, 10)

    assert (cells, samples) == wanted
    if samples > 1:
        assert 2 * macs * cells * cells * samples <= BUDGET_MACS
