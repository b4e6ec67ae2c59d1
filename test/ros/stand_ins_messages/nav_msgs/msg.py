"""What the node reads of an Odometry, header and pose.pose, is in this message too."""

from __future__ import annotations

from geometry_msgs.msg import PoseWithCovarianceStamped as Odometry

__all__ = ["Odometry"]
