"""The ROS 2 side: messages, parameters, topics and processes. The only place that imports rclpy or message packages.

params.py       what can be set, declared once         declare.py     the table, declared to and kept by a node
transport.py    shared memory and malloc settings      convert.py     messages <-> frames and values
worker.py       the latest frame, on one thread        pixels.py      raw image bytes -> RGB
pipeline.py     frame -> what subscribers want         outputs.py     the topics, published when listened to
diagnostics.py  what /diagnostics says                 process.py     signals, spinning and exit codes
node.py         the lifecycle node `perception`        camera_node.py, sources.py  recorded and real cameras
"""
