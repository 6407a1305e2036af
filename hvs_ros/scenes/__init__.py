# SPDX-License-Identifier: Apache-2.0
"""Procedural panoramas and benchmark episodes."""
