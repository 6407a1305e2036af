# SPDX-License-Identifier: Apache-2.0
"""Who decides where to look next."""
