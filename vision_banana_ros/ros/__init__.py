"""The ROS 2 side: messages, parameters, topics and processes. The only place that imports rclpy or message packages.

- params.py, declare.py: what can be set, declared once; the table, declared to and kept by a node
- engine.py: the model, from its parameters to its first frame; words.py: words that it does not know
- frames.py: one frame from message to messages; worker.py: the latest frame, on one thread
- inputs.py: what is listened to; intrinsics.py: the camera that comes with a frame; measured.py, pose.py: depth images
  and scans; cropping.py: a part of the image
- outputs.py: the topics, published when listened to; labels.py: the words behind a mask's numbers; compressed.py:
  image_transport's forms
- questions.py: prompts and their answers; services.py: reset and self_test
- convert.py: messages to frames, values to messages; calibration.py: CameraInfo; mosaic.py: RGB to raw encodings
- statistics.py, arrivals.py, diagnostics.py: what happened, what got lost on its way, what /diagnostics says of it
- heat.py: the machine's temperature
- names.py: topics that go with another; transport.py: shared memory and malloc; process.py, ending.py: signals and exit
  codes; processes.py: nodes as child processes
- perception_node.py: the lifecycle node, started by node.py
- camera.py: the camera node, started by camera_node.py; sources.py: what it plays; observer.py: watches and scores
"""
