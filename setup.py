# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from setuptools import find_packages, setup

NAME = 'hvs_ros'
NODES = (
    'panorama_camera', 'view_renderer', 'search_planner', 'humanoid_controller',
    'humanoid_simulator', 'benchmark_replay')
# On a robot rclpy and the messages are the distribution's own; the wheels are for everyone else.
ROS = [
    'ros-rclpy[fastrtps]', 'ros-sensor-msgs', 'ros-geometry-msgs', 'ros-nav-msgs',
    'ros-trajectory-msgs', 'ros-std-srvs', 'ros-diagnostic-msgs', 'ros-visualization-msgs']


def tree(folder: str) -> list[tuple[str, list[str]]]:
    """Return data_files entries that install a folder below share/hvs_ros."""
    files: dict[str, list[str]] = {}
    for path in sorted(Path(folder).rglob('*')):
        if path.is_file() and '__pycache__' not in path.parts:
            files.setdefault(f'share/{NAME}/{path.parent.as_posix()}', []).append(str(path))
    return list(files.items())


setup(
    name=NAME,
    version='0.1.0',
    description='Humanoid visual search on ROS 2: find objects and the way, and be scored',
    long_description=Path('README.md').read_text() if Path('README.md').exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    maintainer='hvs_ros maintainers',
    maintainer_email='maintainers@hvs-ros.example.org',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={f'{NAME}.evaluation': ['templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        # ros2 run and launch look here; pip would put scripts into bin/ alone
        (f'lib/{NAME}', [f'scripts/{node}' for node in NODES]),
        *tree('launch'), *tree('config'), *tree('sim'),
    ],
    python_requires='>=3.10',
    install_requires=[
        'setuptools', 'numpy', 'opencv-python-headless<5', 'simplejpeg', 'pybase64', 'pyyaml',
        'tqdm', 'jinja2', 'openai', 'onnxruntime'],
    extras_require={
        'ros': ROS,
        'test': [
            'pytest', 'pytest-timeout', 'hypothesis', 'ruff', 'mypy', 'types-PyYAML',
            'py360convert', 'pillow', 'scipy', 'statsmodels', 'pyarrow', 'setuptools>=70.1',
            'starlette', 'uvicorn', 'gymnasium', 'playwright', 'onnx', 'tokenizers'],
        'transformers': ['torch', 'transformers>=5', 'accelerate', 'pillow', 'scipy'],
        'grounders': ['tokenizers'],
        'vllm': ['vllm>=0.11'],
        # one set of versions that all trainers below run with
        'train': [
            'onnx',
            'torch', 'transformers==5.10.4', 'trl==1.16.0', 'datasets>=4.7', 'accelerate',
            'jmespath', 'pillow', 'pyarrow'],
        'verl': ['verl==0.9.1', 'transformers==5.10.4', 'pillow'],
        'cuda': ['torch'],
        'peers': ['torch', 'pyequilib', 'pytorch360convert', 'py360convert', 'pillow'],
        'cluster': ['ray'],
        'sim': ['mujoco==3.17.0'],
        'serve': ['starlette', 'uvicorn'],
        'gym': ['gymnasium>=1.0'],
        'viz': ['foxglove-sdk', 'rerun-sdk'],
    },
    entry_points={
        'console_scripts': [f'hvs = {NAME}.cli.main:main'],
    },
)
