# SPDX-License-Identifier: Apache-2.0
"""One thin ROS 2 node per file."""
