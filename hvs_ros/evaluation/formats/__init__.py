# SPDX-License-Identifier: Apache-2.0
"""A run's results in forms that other programs and papers take in."""
