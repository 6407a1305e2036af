# SPDX-License-Identifier: Apache-2.0
"""Run a deployment without the launch packages: in one process, or one process a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Protocol

import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from hvs_ros.core.errors import HvsError
from hvs_ros.core.share import share_path
from hvs_ros.ros.graph import (
    PARENT,
    SHARED_MEMORY,
    Deployment,
    NodeEntry,
    graph,
    parameter_files,
    read_overrides,
)
from hvs_ros.ros.node import NodeSpinner
from hvs_ros.ros.shared_memory import sweep

RESPAWN_DELAY_S = 1.0
_GRACE_S = 1.2  # what a node gets to say stop and leave before it is killed


class GraphFailedError(HvsError):
    """Say which node could not do its work and why."""


class Bringup(Protocol):
    """Start a graph, say whether it still runs, stop it."""

    def start(self) -> None:
        """Start every node; raise ``HvsError`` when one refuses."""

    def poll(self) -> bool:
        """Return whether the graph still runs; raise ``HvsError`` when a node failed."""

    def stop(self) -> None:
        """Stop every node, the body's last command being stop; safe to call twice."""


class Composed:
    """
    Run every node in this process, each on an executor and a thread of its own.

    The context is the graph's own, so that a caller's nodes outlive it.
    """

    def __init__(
            self, entries: Sequence[NodeEntry], files: Sequence[str], namespace: str = '',
            domain_id: int | None = None, log_level: str = 'info') -> None:
        self._entries, self._files, self._namespace = entries, files, namespace
        self._domain_id, self._log_level = domain_id, log_level
        self._context = Context()
        self._running: list[tuple[NodeEntry, NodeSpinner, threading.Thread]] = []

    def start(self) -> None:
        """Make every node, then spin them."""
        rclpy.init(
            args=['--ros-args', '--log-level', self._log_level], context=self._context,
            domain_id=self._domain_id, signal_handler_options=SignalHandlerOptions.NO)
        made = [(entry, NodeSpinner(self._make(entry))) for entry in self._entries]
        for entry, spinner in made:
            thread = threading.Thread(target=_quietly(spinner), name=entry.name, daemon=True)
            self._running.append((entry, spinner, thread))
            thread.start()

    def poll(self) -> bool:
        """Return whether every essential node still spins."""
        for entry, spinner, thread in self._running:
            if isinstance(spinner.error, HvsError):
                raise GraphFailedError(str(spinner.error))
            if spinner.error is not None:
                raise GraphFailedError(f'{entry.name} broke: {spinner.error!r}')
            if not thread.is_alive():
                if spinner.failure:
                    raise GraphFailedError(spinner.failure)
                if entry.essential:
                    return False
        return True

    def stop(self) -> None:
        """Stop the nodes and end the context."""
        for _, spinner, _ in self._running:
            spinner.stop()
        deadline = time.monotonic() + _GRACE_S
        for _, _, thread in self._running:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._context.ok():
            self._context.shutdown()

    def _make(self, entry: NodeEntry) -> Any:
        module, _, name = entry.factory.partition(':')
        arguments = [word for file in self._files for word in ('--params-file', file)]
        return getattr(import_module(module), name)(
            context=self._context, namespace=self._namespace or None,
            use_global_arguments=False, cli_args=['--ros-args', *arguments],
            parameter_overrides=[
                Parameter(key, value=value) for key, value in entry.parameters.items()])


def _quietly(spinner: NodeSpinner) -> Any:
    def _run() -> None:
        try:
            spinner.run()
        except Exception as error:
            spinner.error = error  # poll tells it; a traceback on a thread tells nobody

    return _run


class Isolated:
    """
    Run every node in a process of its own, and one that dies again.

    An essential node ends the graph; a node that refuses its parameters (exit code 2) fails it.
    """

    def __init__(
            self, entries: Sequence[NodeEntry], files: Sequence[str], namespace: str = '',
            domain_id: int | None = None, log_level: str = 'info') -> None:
        self._entries, self._files, self._namespace = entries, files, namespace
        self._domain_id, self._log_level = domain_id, log_level
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._listeners: dict[str, _Listener] = {}
        self._again_at: dict[str, float] = {}

    def start(self) -> None:
        """Start every process."""
        for entry in self._entries:
            self._spawn(entry)

    def poll(self) -> bool:
        """Return whether every essential node still runs; start again what died."""
        now = time.monotonic()
        for entry in self._entries:
            code = self._processes[entry.name].poll()
            if code is None:
                continue
            if entry.essential or code == 2:
                if code:
                    self._listeners[entry.name].join(1.0)
                    told = self._listeners[entry.name].failure
                    raise GraphFailedError(told or f'{entry.name} ended with code {code}')
                return False
            if now >= self._again_at.setdefault(entry.name, now + RESPAWN_DELAY_S):
                del self._again_at[entry.name]
                self._spawn(entry)
        return True

    def stop(self) -> None:
        """End every process: politely, then not."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _GRACE_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        sweep()

    def _spawn(self, entry: NodeEntry) -> None:
        words = ['--log-level', self._log_level]
        words += [word for file in self._files for word in ('--params-file', file)]
        for key, value in entry.parameters.items():
            words += ['-p', f'{key}:={json.dumps(value)}']
        if self._namespace:
            words += ['-r', f'__ns:=/{self._namespace.strip("/")}']
        environment = {**shared_memory(), **os.environ, PARENT: str(os.getpid())}
        if self._domain_id is not None:
            environment['ROS_DOMAIN_ID'] = str(self._domain_id)
        # its own session: a Ctrl-C is ours to pass on, in our order
        process = subprocess.Popen(
            [sys.executable, '-m', 'hvs_ros.nodes', entry.name, '--ros-args', *words],
            env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors='replace')
        self._processes[entry.name] = process
        self._listeners[entry.name] = _Listener(process)
        self._listeners[entry.name].start()


def shared_memory() -> dict[str, str]:
    """Return what lets large images pass between processes."""
    profile = str(share_path('config/fastdds_shared_memory.xml'))
    return {SHARED_MEMORY: profile}


class _Listener(threading.Thread):
    """Pass a process's stderr on, and keep the sentence it failed with for whoever polls."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.failure = ''

    def run(self) -> None:
        """Read to the end of the stream."""
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                if line.startswith('hvs: error: '):
                    self.failure = line.strip().removeprefix('hvs: error: ')
                else:
                    sys.stderr.write(line)


class SignalWatch:
    """Remember the first SIGINT or SIGTERM, and give the handlers back afterwards."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> SignalWatch:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: object) -> None:
        self.number = self.number or number


def assemble(
        deployment: Deployment, given: Mapping[str, str], *, isolate: bool = False,
        overrides: Sequence[str] = ()) -> Composed | Isolated:
    """Return the bringup of a deployment, not yet started; raise ``InputError``."""
    entries = graph(deployment, given, read_overrides(overrides))
    kind = Isolated if isolate else Composed
    return kind(entries, parameter_files(deployment, given), given.get('namespace', ''))
