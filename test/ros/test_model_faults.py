# SPDX-License-Identifier: Apache-2.0
"""Every fault of a model server, against the whole graph with a simulated body."""

from __future__ import annotations

from collections.abc import Iterator

from fault_graph import FAULTS, STILL, FaultGraph, running
import pytest

MOST_TURNS = 3


@pytest.fixture(scope='module')
def faults(domain_id: int) -> Iterator[FaultGraph]:
    """One graph for all faults: none of them may break it for the next one."""
    with running(domain_id, give_up_after=1.3, first_token_s=0.4) as graph:
        yield graph


@pytest.mark.parametrize('name', list(FAULTS))
def test_a_fault_has_a_named_outcome_and_passes_without_harm(
        faults: FaultGraph, name: str) -> None:
    fault = FAULTS[name]
    seen = faults.play(fault)
    assert seen.inside_limits
    if fault.valid:
        assert seen.outcome in ('submitted', 'truncated') and seen.turns == MOST_TURNS
        assert seen.neck_rad + seen.body_rad > STILL, 'what parses is done, inside the limits'
        return
    assert seen.neck_rad <= STILL and seen.body_rad <= STILL, 'nothing moves for what is no action'
    if fault.answers:
        assert (seen.outcome, seen.turns) == ('truncated', MOST_TURNS), 'each answer costs a turn'
    else:
        assert (seen.outcome, seen.turns) == ('error', 0)
        assert faults.where(fault) in seen.reason
    if not fault.answers and not fault.refused:
        assert seen.told and all(faults.where(fault) in told for told in seen.told)
        assert seen.goals_after_trouble == 0, 'no goal is repeated while nobody decides'
    assert seen.recovered_by == (
        'the next search' if fault.refused or faults.another_url(fault) else 'the same search')


def test_a_search_that_waits_for_its_model_can_be_cancelled(faults: FaultGraph) -> None:
    assert faults.cancel_during('accept, then silence').status == 'cancelled'
    assert faults.server.closed_by_client.wait(5), 'the request is really closed'


def test_a_search_that_waits_for_its_model_can_be_replaced(faults: FaultGraph) -> None:
    statuses = faults.replace_during('500')
    assert statuses == ['replaced', 'submitted']
