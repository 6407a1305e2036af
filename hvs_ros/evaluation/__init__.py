# SPDX-License-Identifier: Apache-2.0
"""Runs, records, statistics and reports."""
