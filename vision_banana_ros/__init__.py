"""One camera and one image generator: metric depth, normals, camera rays and segmentation for ROS 2."""

__version__ = "0.1.0"
