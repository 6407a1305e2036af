# SPDX-License-Identifier: Apache-2.0
"""`hvs bench planner`: what each context policy costs at a model's server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def run_planner(args: argparse.Namespace, file: Path | None) -> int:
    """Search under every context policy, print one row for each, and write them to ``file``."""
    from hvs_ros.bench.contexts import HEADER, costs
    from hvs_ros.core.errors import InputError
    from hvs_ros.evaluation.run_files import write_atomically
    from hvs_ros.evaluation.tables import aligned
    from hvs_ros.planners.registry import PlannerContext, make_planner
    from hvs_ros.planners.vlm import VlmPlanner
    if not args.planner:
        raise InputError('hvs bench planner needs --planner openai:MODEL@URL or a planner file')
    for name, most in (('turns', 100), ('searches', 1000)):
        if not 1 <= getattr(args, name) <= most:
            raise InputError(f'--{name} must be 1 to {most}, not {getattr(args, name)}')
    context = PlannerContext(
        give_up_after=120.0, profile='strict', wishes={'stream': True},
        allow_remote_images=args.allow_remote_images)
    planner = make_planner(args.planner, context=context)
    if not isinstance(planner, VlmPlanner):
        raise InputError(
            f'{args.planner}: hvs bench planner is for models that are asked in words')
    found = list(costs(args.planner, context, args.turns, args.searches))
    print(f'{args.planner}: {args.searches} searches of {args.turns} turns under each policy, '
          f'pictures {found[0].image_sent}\n')
    print(aligned(HEADER, [cost.cells for cost in found]))
    if file is not None:
        write_atomically(file, json.dumps(
            {'planner': planner.name, 'turns': args.turns, 'searches': args.searches,
             'policies': [cost.to_dict() for cost in found]}, indent=1) + '\n')
    return 0
