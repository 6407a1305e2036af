# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, read from every import statement, lazy ones and those for types too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'hvs_ros'
# layer -> siblings it may import; a dotted name opens one module of a sibling, not all of it
MAY_IMPORT: dict[str, set[str]] = {
    '': {'__version__'},
    'core': set(),
    'planners': {'core'},
    'evaluation': {'core', 'planners', '__version__'},
    'environments': {'core', 'planners', 'evaluation'},
    'scenes': {'core'},
    'humanoid': {'core', 'scenes'},
    'learning': {'core', 'planners', 'evaluation', 'scenes'},
    'bench': {'core', 'planners', 'evaluation', 'ros', '__version__'},
    'ros': {'core'},
    'nodes': {
        'core', 'ros', 'planners', 'humanoid', 'evaluation.records', 'evaluation.config',
        'evaluation.replay'},
}
# what the command line plugs into evaluation reads a run's records, and nothing else of it
EXCEPTIONS = {'ros/evaluate.py': {'evaluation.config', 'evaluation.records'}}
ROS_LAYERS = {'ros', 'nodes', 'bench', 'cli'}
ROS = re.compile(r'rclpy|launch(_ros)?|\w+_(msgs|srvs|interfaces)|ament_index_python|tf2_ros')
# heavy or optional library -> the files that may import it, inside functions alone
LAZY = {
    'openai': {'planners/chat_openai.py', 'planners/openai_*.py'},
    'torch': {
        'bench/peers.py', 'core/renderer_torch.py', 'planners/chat_transformers.py',
        'planners/transformers_*.py', 'planners/grounder_huggingface.py', 'learning/*'},
    'transformers': {
        'planners/chat_transformers.py', 'planners/transformers_*.py',
        'planners/grounder_huggingface.py', 'learning/*'},
    'huggingface_hub': {'planners/transformers_weights.py'},
    'vllm': {'planners/chat_vllm.py'},
    'mujoco': {'humanoid/physics.py'},
    'onnxruntime': {'planners/onnx_session.py'},
    'onnx': {'learning/grounder_export.py'},
    'tokenizers': {'planners/grounder_onnx_folder.py'},
    'ray': {'evaluation/*'},
    'pyarrow': {'learning/*'},
    'jinja2': {'evaluation/page.py'},
    'matplotlib': set(),
    'pydantic': {'evaluation/*'},
    'py360convert': {'bench/*'},
    'equilib': {'bench/*'},
    'pytorch360convert': {'bench/*'},
    'PIL': {'bench/*', 'environments/training.py', 'planners/transformers_inputs.py'},
    'trl': {'environments/trl_text.py', 'environments/trl_tools.py'},
    'verl': {'environments/verl_loop.py'},
    'starlette': {'environments/app.py', 'environments/server.py'},
    'uvicorn': {'environments/server.py'},
    'gymnasium': {
        'environments/gymnasium_env.py', 'environments/live_text.py',
        'environments/registration.py'},
}
AT_THE_TOP = {
    'openai', 'jinja2', 'pydantic', 'py360convert', 'PIL', 'starlette', 'uvicorn', 'gymnasium',
    'trl', 'verl'}
# and where a module is made of its library
MADE_OF = {'torch': {'learning/grounder_*.py'}}
# modules that import their library when they are, so that nobody may import them at once
LAZY_MODULES = re.compile(
    r'hvs_ros\.(planners\.(chat_|grounder_huggingface)|learning\.grounder_|bench\b'
    r'|environments\.(app|server|gymnasium_env|trl_text|verl_loop)\b)')


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob('*.py'))


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """Yield (dotted name, whether it is imported when the module is) of every import."""
    tree = ast.parse(source)
    lazy = {
        id(node) for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.If))
        for node in ast.walk(outer)}
    for node in ast.walk(tree):
        at_once = id(node) not in lazy
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_once
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, 'imports are absolute here'
            for alias in node.names:
                yield f'{node.module}.{alias.name}', at_once


def violations(relative: str, source: str) -> Iterator[str]:
    """Yield one sentence for each import that the rule forbids."""
    layer = relative.partition('/')[0] if '/' in relative else ''
    itself_lazy = LAZY_MODULES.match('hvs_ros.' + relative.removesuffix('.py').replace('/', '.'))
    for name, at_once in imports(source):
        if at_once and LAZY_MODULES.match(name) and not itself_lazy:
            yield f'{relative} imports {name} at once, not where it is needed'
            continue
        root, _, rest = name.partition('.')
        if root == 'hvs_ros':
            yield from _sibling(relative, layer, rest)
        elif ROS.fullmatch(root) and layer not in ROS_LAYERS:
            yield f'{relative} imports {root}: only ros, nodes and cli know ROS'
        elif root in LAZY:
            if not any(Path(relative).match(place) for place in LAZY[root]):
                yield f'{relative} imports {root}, which is for {sorted(LAZY[root])}'
            elif at_once and root not in AT_THE_TOP and not any(
                    Path(relative).match(place) for place in MADE_OF.get(root, ())):
                yield f'{relative} imports {root} at once, not where it is needed'


def _sibling(relative: str, layer: str, target: str) -> Iterator[str]:
    parts = target.split('.')
    allowed = MAY_IMPORT.get(layer, set()) | EXCEPTIONS.get(relative, set())
    if layer == 'cli' or parts[0] == layer:
        return
    if not {parts[0], '.'.join(parts[:2])} & allowed:
        yield f'{relative} imports {".".join(parts[:2])}'


@pytest.mark.parametrize('layer', sorted({
    path.relative_to(PACKAGE).parts[0] for path in sources() if path.parent != PACKAGE}))
def test_a_layer_imports_only_what_lies_below_it(layer):
    assert layer in MAY_IMPORT or layer == 'cli', f'{layer} is no layer of the house'
    found = [
        line for path in sorted((PACKAGE / layer).rglob('*.py'))
        for line in violations(path.relative_to(PACKAGE).as_posix(), path.read_text())]
    assert found == []


def test_the_command_line_starts_without_any_layer_but_its_own_and_core_errors():
    found = {
        name for name, at_once in imports((PACKAGE / 'cli/main.py').read_text())
        if at_once and name.startswith('hvs_ros')}
    assert found == {'hvs_ros.__version__', 'hvs_ros.core.errors.HvsError'}


@pytest.mark.parametrize('path', sorted((PACKAGE / 'cli').glob('*.py')), ids=lambda p: p.stem)
def test_a_command_imports_heavy_things_lazily(path):
    at_once = {
        name for name, now in imports(path.read_text())
        if now and not name.startswith(('hvs_ros.cli', 'hvs_ros.core.errors'))}
    heavy = {
        name for name in at_once
        if (name.startswith('hvs_ros.') and name != 'hvs_ros.__version__')
        or ROS.fullmatch(name.partition('.')[0]) or name.partition('.')[0] in {*LAZY, 'cv2'}}
    assert heavy == set()


@pytest.mark.parametrize('relative, source', [
    ('core/a.py', 'from hvs_ros.planners.base import Planner'),
    ('core/a.py', 'def f():\n    import rclpy'),
    ('planners/a.py', 'from std_msgs.msg import String'),
    ('planners/a.py', 'from hvs_ros.evaluation import records'),
    ('ros/a.py', 'def f():\n    from hvs_ros.nodes.view_renderer import main'),
    ('ros/a.py', 'from hvs_ros.evaluation.records import RunWriter'),
    ('nodes/a.py', 'from hvs_ros.evaluation.runner import EpisodeRunner'),
    ('evaluation/a.py', 'from hvs_ros.humanoid.kinematics import KinematicBody'),
    ('planners/chat_vllm.py', 'import vllm'),
    ('core/renderer_torch.py', 'import torch'),
    ('core/renderer.py', 'def f():\n    import torch'),
    ('learning/train.py', 'import torch'),
    ('learning/train.py', 'from hvs_ros.learning.grounder_model import GrounderNet'),
    ('planners/registry.py', 'from hvs_ros.planners.chat_openai import OpenAiChat'),
    ('planners/vlm.py', 'def f():\n    import openai'),
    ('scenes/a.py', 'if True:\n    import hvs_ros.humanoid.world'),
])
def test_a_forbidden_import_is_seen(relative, source):
    assert len(list(violations(relative, source))) == 1


@pytest.mark.parametrize('relative, source', [
    ('core/a.py', 'from hvs_ros.core.gaze import Gaze\nimport numpy'),
    ('nodes/a.py', 'from hvs_ros.evaluation.records import RunWriter\nimport rclpy'),
    ('planners/chat_openai.py', 'import openai'),
    ('planners/registry.py', 'def f():\n    from hvs_ros.planners.chat_openai import OpenAiChat'),
    ('ros/evaluate.py', 'from hvs_ros.evaluation.records import read_records'),
    ('cli/a.py', 'def f():\n    from hvs_ros.ros.bringup import assemble'),
    ('core/renderer_torch.py', 'def f():\n    import torch'),
    ('learning/grounder_model.py', 'import torch'),
    ('learning/grounder_export.py', 'from hvs_ros.learning.grounder_model import GrounderNet'),
])
def test_an_allowed_import_is_let_through(relative, source):
    assert list(violations(relative, source)) == []
