# SPDX-License-Identifier: Apache-2.0
"""Searches as environments: one pure core, served over HTTP, as gymnasium and to trainers."""
