"""The ROS 2 side: messages, parameters, topics and processes. The only place that imports rclpy or message packages.

- params.py, declare.py: what can be set, declared once; the table, declared to and kept by a node
- labels.py: the words behind a mask's numbers
- pixels.py, mosaic.py: raw image bytes to RGB and back; convert.py: messages to frames, values to messages
- calibration.py: CameraInfo and cameras; intrinsics.py: the camera that comes with a frame
- outputs.py: the topics, published when listened to; worker.py: the latest frame, on one thread
- statistics.py, diagnostics.py: what happened, and what /diagnostics says of it
- names.py: topics that go with another; transport.py: shared memory and malloc; process.py: signals and exit codes;
  processes.py: nodes as child processes
- perception_node.py: the lifecycle node, started by node.py
- camera.py: the camera node, started by camera_node.py; sources.py: what it plays; observer.py: watches and scores
"""
