# SPDX-License-Identifier: Apache-2.0
"""The parameters of the nodes that see and decide; README's table is made from these."""

from __future__ import annotations

from dataclasses import dataclass
import math

from hvs_ros.ros.parameters import parameter

SWITCH = ('auto', 'always', 'never')  # words that YAML takes for no truth value
GAZE_MODES = ('virtual', 'physical', 'hybrid')


@dataclass
class ViewParameters:
    """What every view of a run shares; the renderer and whoever records the run declare it."""

    horizontal_fov: float = parameter(
        math.radians(100), 'horizontal field of view of a view', unit='rad', bounds=(0.2, 2.8))
    width: int = parameter(1920, 'width of a view', unit='px', bounds=(16, 4096))
    height: int = parameter(1080, 'height of a view', unit='px', bounds=(16, 4096))
    reticle: bool = parameter(True, "draw the benchmark's green cross at the centre")
    jpeg_quality: int = parameter(85, "quality of the view's JPEG", unit='%', bounds=(1, 100))


@dataclass
class SearchParameters:
    """What decides how a search goes; the planner and whoever records the run declare it."""

    planner: str = parameter('builtin', 'who decides: a planner spec, see hvs eval --help')
    profile: str = parameter(
        'published-2026', 'what counts as an answer and as success',
        choices=('published-2025', 'published-2026', 'strict'))
    max_turns: int = parameter(10, 'turns of a search at most', bounds=(1, 100))
    history_turns: int = parameter(5, 'observations a model is shown', bounds=(1, 100))
    prompts: str = parameter('default', 'prompt pack: a name in config/prompts or a file')
    episodes: str = parameter('', 'benchmark folder or zip (for the planner: what oracle reads)')
    seed: int = parameter(0, 'seed of planners that draw', bounds=(0, 2**31 - 1))


    context: str = parameter(
        '', 'which observations a model is shown: the latest history_turns (published), the '
        'latest two (two-round), or all (append). Empty: as its planner file says, else published',
        choices=('', 'published', 'append', 'two-round'))
    image_width: int = parameter(
        0, "width of the picture a model is shown; 0: the planner file's or the view's",
        unit='px', bounds=(0, 4096))
    image_height: int = parameter(
        0, 'its height; 0: follows from the width', unit='px', bounds=(0, 4096))
    image_format: str = parameter(
        '', "jpeg or png; empty: the planner file's, or the view's own JPEG",
        choices=('', 'jpeg', 'png'))
    image_quality: int = parameter(
        0, "quality of that JPEG; 0: the planner file's, or the view's own", unit='%',
        bounds=(0, 100))
    stream: str = parameter(
        'auto', 'have replies sent as they are made; auto: as the planner file says',
        choices=SWITCH)
    early_stop: str = parameter(
        'auto', 'hang up at the end of the answer (never under a published profile)',
        choices=SWITCH)
    structured_output: str = parameter(
        'auto', "have the server keep to the answer's form (never under a published profile)",
        choices=SWITCH)
    reask: str = parameter(
        'auto', 'ask once more after a reply that is no action (never under a published profile)',
        choices=SWITCH)
    allow_remote_images: bool = parameter(
        False, 'views may leave for servers beyond this machine and private networks')


@dataclass
class ViewRendererParameters(ViewParameters):
    """Parameters of ``view_renderer``."""

    gaze: str = parameter(
        'physical', 'what turns to a goal: the renderer alone (virtual), neck and body '
        '(physical), or the body in yaw and the renderer in pitch (hybrid)', choices=GAZE_MODES)
    camera_model: str = parameter(
        '', 'calibration file of a camera that is not equirectangular (see config/cameras)')
    still_panorama: bool = parameter(
        False, 'the held panorama counts as captured at every moment (replay, image files)')
    panorama_reliability: str = parameter(
        'best_effort', 'how the panorama is subscribed to',
        choices=('best_effort', 'reliable'))
    panorama_mount: str = parameter(
        'world', 'what the 360 degree camera is fixed to', choices=('world', 'torso', 'head'))
    mount_rpy: list[float] = parameter(
        [0.0, 0.0, 0.0], 'roll, pitch, yaw of the camera on its mount', unit='rad',
        bounds=(-math.pi, math.pi))
    gravity_aligned: bool = parameter(False, 'the camera levels itself; only yaws count')
    neck_yaw_joint: str = parameter('head_yaw', "name of the neck's yaw joint")
    neck_pitch_joint: str = parameter('head_pitch', "name of the neck's pitch joint")
    neck_yaw_sign: float = parameter(
        1.0, '1 when the yaw joint is positive to the left, else -1', bounds=(-1, 1))
    neck_pitch_sign: float = parameter(
        1.0, '1 when the pitch joint is positive down, else -1', bounds=(-1, 1))
    settle_tolerance: float = parameter(
        0.02, 'how near the goal counts as there', unit='rad', bounds=(0.0001, 0.5))
    settle_time: float = parameter(
        0.3, 'how long neck and body must rest before a capture', unit='s', bounds=(0, 10))
    arrive_timeout: float = parameter(
        3.0, 'how long a goal may stay out of reach before the view is taken where the head '
        'rests', unit='s', bounds=(0, 60))
    capture_delay: float = parameter(
        0.0, 'how much later than its capture a panorama is stamped', unit='s', bounds=(-1, 1))
    max_age: float = parameter(
        1.0, 'older panoramas are dropped', unit='s', bounds=(0.01, 60))
    preview_rate: float = parameter(
        0.0, 'rate of the stream for people, 0 for none', unit='Hz', bounds=(0, 30))
    preview_width: int = parameter(640, 'width of the preview', unit='px', bounds=(16, 4096))
    renderer: str = parameter(
        'cpu', 'what computes views: cpu, or cuda for a GPU through torch (extra [cuda])',
        choices=('cpu', 'cuda'))


@dataclass
class SearchPlannerParameters(SearchParameters):
    """Parameters of ``search_planner``."""

    settle_tolerance: float = parameter(
        0.02, 'how near the goal a view must be', unit='rad', bounds=(0.0001, 0.5))
    arrive_timeout: float = parameter(
        3.0, 'how long a goal may stay out of reach', unit='s', bounds=(0, 60))
    view_timeout: float = parameter(
        5.0, 'how long to wait for a view before asking again', unit='s', bounds=(0.1, 120))
    view_asks: int = parameter(3, 'how often a view is asked for again', bounds=(0, 20))
    walk_distance: float = parameter(
        0.0, 'how far to walk after a path search; 0 turns only', unit='m', bounds=(0, 100))
    give_up_after: float = parameter(
        60.0, 'how long a model may take for one answer', unit='s', bounds=(0.1, 3600))
    connect_timeout: float = parameter(
        0.0, "how long connecting to a model's server may take; 0: the planner file's, or 5 s",
        unit='s', bounds=(0, 3600))
    first_token_timeout: float = parameter(
        0.0, 'how long a streamed reply may take to begin before the request is tried again or '
        "elsewhere; 0: the planner file's, or give_up_after", unit='s', bounds=(0, 3600))
    reply_timeout: float = parameter(
        0.0, "how long one request may take in all; 0: the planner file's, or give_up_after",
        unit='s', bounds=(0, 3600))
    heading_timeout: float = parameter(
        60.0, 'how long a heading goal stands at most', unit='s', bounds=(0.1, 3600))


@dataclass
class PanoramaCameraParameters:
    """Parameters of ``panorama_camera``."""

    source: str = parameter('', 'an image file, or a folder of them shown in turn')
    camera_model: str = parameter(
        '', 'calibration file of the camera that took them; a dual fisheye has its own topic')
    rate: float = parameter(
        1.0, 'panoramas a second', unit='Hz', bounds=(0.01, 60))
    loop: bool = parameter(True, 'begin again after the last image of a folder')
    frame_id: str = parameter('panorama', 'frame of the panorama')
    reliability: str = parameter(
        'reliable', 'how the panorama is published', choices=('best_effort', 'reliable'))


@dataclass
class BenchmarkReplayParameters(SearchParameters, ViewParameters):
    """Parameters of ``benchmark_replay``; those it shares with others go into the manifest."""

    out: str = parameter(
        '', 'run folder for the records; empty: runs/<time>-replay. Without episodes: the folder '
        'of a run to take up again')
    limit: int = parameter(0, 'episodes at most, 0 for all', bounds=(0, 10**9))
    repeats: int = parameter(1, 'how often each episode is run', bounds=(1, 1000))
    planner_timeout: float = parameter(
        60.0, 'how long to wait for a planner and a renderer', unit='s', bounds=(1, 3600))
    result_timeout: float = parameter(
        120.0, 'how long an episode may go on without a turn or a result', unit='s',
        bounds=(1, 7200))
    max_consecutive_errors: int = parameter(
        5, 'stop after so many episodes in a row that ended as error', bounds=(1, 10**9))
