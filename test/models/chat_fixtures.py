# SPDX-License-Identifier: Apache-2.0
"""What tiny models are taught to say."""

REPLY = '<think>I turn.</think><answer>rotate(40,0)</answer>'
