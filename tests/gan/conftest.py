import numpy as np
import pytest


@pytest.fixture
def face_at():
    """``face_at(centre, eye_distance, angle)``: landmarks of a plain face; only eyes and mouth corners matter."""

    def make(centre, eye_distance, angle=0.0):
        points = np.zeros((68, 2))
        points[:36, 0] = np.linspace(-1, 1, 36)
        points[36:42] = (-0.5, 0)
        points[42:48] = (0.5, 0)
        points[48:] = (0, 1)
        points[48], points[54] = (-0.4, 1), (0.4, 1)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return points * eye_distance @ turn + np.asarray(centre, float)

    return make
