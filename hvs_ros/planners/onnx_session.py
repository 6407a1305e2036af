# SPDX-License-Identifier: Apache-2.0
"""ONNX files opened: on the CPU or a GPU, refused in one sentence."""

from __future__ import annotations

from pathlib import Path
import re
from typing import Any

from hvs_ros.core.errors import InputError

_GPU = 'CUDAExecutionProvider'
_CPU = 'CPUExecutionProvider'


def open_session(path: Path, *, threads: int = 0, device: str = 'cpu') -> Any:
    """
    Return an onnxruntime session; raise ``InputError`` when the file is no ONNX model.

    ``threads`` 0 leaves their number to onnxruntime. ``device``: cpu, cuda, cuda:N, or auto for
    the first GPU where onnxruntime sees one.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(
            f'{path} needs onnxruntime, which is not installed here: '
            'pip install onnxruntime') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    providers = _providers(device, onnxruntime.get_available_providers())
    try:
        with path.open('rb'):  # says why it cannot be read, which onnxruntime does not
            pass
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error
    except Exception as error:  # onnxruntime's own classes are not public
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f'{path}: not an ONNX model ({reason:.160})') from error


def _providers(device: str, available: list[str]) -> list[Any]:
    match = re.fullmatch(r'auto|cpu|cuda(?::(\d+))?', device)
    if match is None:
        raise InputError(
            f"the option 'engine.device' must be auto, cpu, cuda or cuda:N here, not {device!r}")
    if device == 'cpu' or (device == 'auto' and _GPU not in available):
        return [_CPU]
    if _GPU not in available:
        raise InputError(
            f"the option 'engine.device' is {device!r}, and this onnxruntime has no CUDA: "
            'pip install onnxruntime-gpu')
    return [(_GPU, {'device_id': int(match[1] or 0)}), _CPU]
