"""Executes a submission's source as a module, so that its tracebacks show its own lines."""

from __future__ import annotations

import linecache
import random
import sys
import types

import torch

from sandbox.failures import Failure, failure, from_exception


class Unloadable(Exception):
    """The source did not execute to its end; `failure` says why."""

    def __init__(self, reason: Failure, *, cause: BaseException | None = None):
        super().__init__(reason["message"])
        self.failure = reason
        self.cause = cause


def seed_everything(seed: int) -> None:
    """Seeds torch, random and numpy: a fork inherits torch's state, and unseeded runs would be alike."""
    torch.manual_seed(seed)
    random.seed(seed)
    try:
        import numpy as np
    except ModuleNotFoundError:  # numpy is optional for torch
        return
    np.random.seed(seed % 2**32)


def execute(*, source: str, filename: str, name: str) -> types.ModuleType:
    """The module that the source defines, registered in sys.modules under `name`.

    SystemExit passes through; everything else that is raised becomes Unloadable.
    """
    code = _compiled(source, filename)
    module = types.ModuleType(name)
    module.__file__ = filename
    sys.modules[name] = module  # dataclasses and pickle look their module up by name
    try:
        exec(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        raise Unloadable(from_exception(error, filename=filename), cause=error) from error
    return module


def _compiled(source: str, filename: str) -> types.CodeType:
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    if "\0" in source:
        line = source[: source.index("\0")].count("\n") + 1
        raise Unloadable(failure("syntax", "The file holds a NUL byte; it is not Python text.", line=line))
    try:
        # Python takes a byte order mark at the head of a file, and not at the head of a text
        return compile(source.removeprefix("\ufeff"), filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Unloadable(from_exception(error, filename=filename), cause=error) from error
    except (MemoryError, RecursionError) as error:
        message = "The file is nested too deeply to be compiled."
        raise Unloadable(failure("syntax", message), cause=error) from error
    except ValueError as error:  # lone surrogates: what a browser may send and UTF-8 can't carry
        raise Unloadable(failure("syntax", f"The file is not Python text: {error}"), cause=error) from error
