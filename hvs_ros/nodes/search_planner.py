# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that decides where the humanoid looks next."""

from __future__ import annotations

from functools import partial
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.errors import HvsError
from hvs_ros.core.search import SHUT_DOWN
from hvs_ros.core.view import View
from hvs_ros.planners.base import Planner
from hvs_ros.planners.running_search import RunningSearch
from hvs_ros.planners.search_desk import SearchDesk, final_heading
from hvs_ros.ros.body_tracker import BodyTracker
from hvs_ros.ros.goals import PERIOD_S, StandingGoals
from hvs_ros.ros.health import Health
from hvs_ros.ros.node import now_ns, run_node
from hvs_ros.ros.node_parameters import SearchPlannerParameters
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import EVENTS, HISTORY, LATCHED
from hvs_ros.ros.view_subscription import ViewSubscription


class SearchPlanner(Node):
    """
    Turn views and one instruction into gaze goals and a final direction.

    The node owns topics, time and threads; ``SearchSession`` owns the search. One planner call is
    in flight at a time, off the executor, whose thread alone touches state: there is no lock.
    """

    def __init__(self, planner: Planner | None = None, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('search_planner', **options)
        self._p = declare(self, SearchPlannerParameters)
        self._desk = SearchDesk.of(self._p, planner, warn=self.get_logger().warning)
        self._goals = StandingGoals(self, self._p.heading_timeout)
        self._turns = self.create_publisher(String, '~/turn', HISTORY)
        self._results = self.create_publisher(String, '~/result', LATCHED)
        self._answered = self.create_guard_condition(self._on_answer)
        self.create_service(Trigger, '~/cancel', self._on_cancel)
        self._body = BodyTracker(self)
        for kind in ('object', 'path'):
            self.create_subscription(String, f'find_{kind}', partial(self._begin, kind), EVENTS)
        self._views = ViewSubscription(self, self._on_view)
        self.create_timer(PERIOD_S, self._on_tick)
        self._health = Health(self, self._desk.report)

    @property
    def _search(self) -> RunningSearch | None:
        return self._desk.search

    def _begin(self, kind: str, order: String) -> None:
        started = self._desk.begin(kind, order.data, self._body.pose)
        for result in started.results:
            self._goals.withdraw()
            self._results.publish(String(data=result.to_json()))
        if started.refusal:
            self.get_logger().error(started.refusal)
        if started.begun:
            self._look()

    def _look(self) -> None:
        assert self._search is not None
        self._search.stand(now_ns(self))
        self._goals.look(self._search.goal)

    def _on_view(self, view: View) -> None:
        if self._search is not None and self._search.wants(view):  # its standing goal asked for it
            self._search.think(view, when_done=self._answered.trigger)

    def _on_answer(self) -> None:
        if self._search is None or not self._search.answered:
            return  # it answers a search that was cancelled or replaced
        try:
            turn = self._search.decide()
        except HvsError as error:  # the model is away or broken: not the same as a wrong answer
            return self._finish('error', str(error))
        if self._search.session.result is None:
            self._look()  # before anything is told: the body need not wait for that
        self._turns.publish(String(data=self._desk.turn_line(turn).to_json()))
        if self._search.session.result is not None:
            self._finish()

    def _finish(self, status: str = '', reason: str = '') -> None:
        """End the search, as its session did or as ``status`` says, and tell the world."""
        self._goals.withdraw()
        ended = self._desk.finish(status, reason)
        if ended.line.status == 'error':
            self.get_logger().error(ended.line.reason)
        if ended.heading is not None:
            goal = final_heading(ended, self._body.pose, self._p.walk_distance)
            self._goals.face(*goal, self._desk.next_stamp(now_ns(self)))
        self._results.publish(String(data=ended.line.to_json()))

    def _on_tick(self) -> None:
        if self._search is None or self._search.thinking:
            if self._goals.pause(self._desk.trouble):  # no motion while nobody decides
                self._health.publish()
            return
        overdue = self._search.goal.overdue(now_ns(self))
        if overdue == 'lost':
            self._finish('error', 'no view')
        elif overdue == 'ask again':
            self._search.goal.ask_again(now_ns(self))
            self._goals.look(self._search.goal)

    def _on_cancel(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._goals.withdraw()  # also a heading goal that a finished search left behind
        response.success = self._search is not None
        response.message = 'cancelled' if response.success else 'no search is running'
        if response.success:
            self._finish('cancelled', 'cancelled by request')
        return response

    def on_exit(self) -> None:
        """Withdraw the goals and abort a call in flight."""
        self._goals.withdraw()
        if self._search is not None:
            self._finish('cancelled', SHUT_DOWN)


def main() -> int:
    """Run the node."""
    return run_node(SearchPlanner)
