# SPDX-License-Identifier: Apache-2.0
"""The rclpy plumbing that every node shares."""
