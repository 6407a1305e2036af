# SPDX-License-Identifier: Apache-2.0
"""Training the built-in grounder, and searches as data for fine-tuning."""
