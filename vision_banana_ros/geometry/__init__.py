"""Cameras from rays, point clouds, edges, scale."""
