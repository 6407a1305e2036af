# SPDX-License-Identifier: Apache-2.0
"""The part of `hvs doctor` that asks a planner: a look at its servers, one real turn."""

from __future__ import annotations

from typing import Any

Finding = tuple[str, str, str]
"""(level, name, text): the level is ok, note or bad."""


def check_planner(spec: str, limit_s: float, allow_remote_images: bool = False) -> list[Finding]:
    """Return what a look at the planner's servers and one turn of it show, and the verdict."""
    from hvs_ros.core.errors import HvsError
    from hvs_ros.core.share import share_path
    from hvs_ros.planners.asking import Waits
    from hvs_ros.planners.base import PlannerUnavailable
    from hvs_ros.planners.registry import PlannerContext, make_planner
    dataset = share_path('sim/episodes')
    planner = make_planner(spec, context=PlannerContext(
        give_up_after=limit_s, episodes=dataset, profile='strict', waits=Waits(connect=3.0),
        wishes={'stream': True}, allow_remote_images=allow_remote_images))
    notice = getattr(planner, 'notice', '')
    findings: list[Finding] = [('note', 'pictures', notice)] if notice else []
    looks: list[Finding] = getattr(planner, 'check_up', list)()
    findings += looks
    try:
        turn = _one_turn(planner, dataset)
    except PlannerUnavailable as error:
        answers_words = any(level == 'ok' and name == 'model' for level, name, _ in looks)
        hint = ': is it a vision-language model, and does its server take images?' if (
            'HTTP 4' in str(error)) else ''
        why = f'answers a few words, but not a view{hint}' if answers_words else 'cannot be used'
        return [*findings, ('bad', 'one turn', str(error)), ('bad', 'verdict', f'{spec} {why}')]
    except HvsError as error:
        return [*findings, ('bad', 'verdict', f'{spec}: {error}')]
    return [*findings, *_told(spec, turn, bool(looks))]


def _one_turn(planner: Any, dataset: Any) -> Any:
    """Return the turn in which the planner answered one view of a bundled panorama."""
    from dataclasses import replace
    import time

    from hvs_ros.core.episode import load_episodes
    from hvs_ros.core.panorama import load_panorama
    from hvs_ros.core.profile import get_profile
    from hvs_ros.core.renderer import Renderer
    from hvs_ros.core.search import SearchSession, Task
    episode = load_episodes(dataset)[0]
    task = Task(episode.id, episode.target.kind, episode.instruction, episode.start)
    session = SearchSession(task, get_profile('strict'), planner.answer_format)
    view = Renderer().view(load_panorama(episode.panorama), episode.start.to_gaze())
    search = planner.begin(task)
    try:
        began = time.perf_counter()
        decision = search.act(session.observe(view))
        took_s = time.perf_counter() - began
        return session.decide(replace(decision, latency_s=decision.latency_s or took_s))
    finally:
        search.close()


def _told(spec: str, turn: Any, served: bool) -> list[Finding]:
    """Return what one turn shows, and the verdict."""
    decision, findings = turn.decision, []
    if served:
        first = decision.first_token_s
        findings = [
            ('ok', 'images', f'accepted: {decision.image_sent}, {decision.image_bytes} bytes'),
            ('ok', 'time of a turn', f'{decision.latency_s:.2f} s' + (
                f', first words after {first:.2f} s' if first is not None else '')),
            ('ok', 'tokens', f'{decision.prompt_tokens} read, {decision.completion_tokens} '
             'written' if decision.prompt_tokens else 'not told by the server'),
            ('ok', 'answered as', decision.model)]
    if turn.valid:
        text = f'{spec} works: {turn.action} in {decision.latency_s:.2f} s'
        return [*findings, ('ok', 'verdict', text)]
    cut = ' and was cut by the token limit' if decision.finish_reason == 'length' else ''
    return [*findings, ('bad', 'verdict', (
        f'{spec} answers, but not with an action{cut}: {turn.action.reason} '
        f'({decision.reply[:80]!r})'))]
