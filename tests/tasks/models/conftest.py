import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """So small, two would wait for each other."""
    had = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(had)
