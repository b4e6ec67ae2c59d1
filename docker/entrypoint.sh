#!/bin/bash
set -e
source /ws/install/setup.bash
exec "$@"
