# SPDX-License-Identifier: Apache-2.0
"""What `hvs bench` measures: ratios against references, the live graph's times, memory."""
